import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/index.ts';
import type { CreateContainerRequest, CreateContainerResponse } from '../../cri-types/index.ts';
import {
  type ContainerPlan,
  containerIdentity,
  makeContainer,
  planContainer,
  type Registry,
  requireImage,
  requireVolumeImages,
} from '../../pod/index.ts';
import { expectMoves } from '../../resources/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Makes a container in a ready pod: everything but the exec of its program. Asked for again under the same name it joins the
 * first call, or returns the container that came of it. `pod/plan/resources.ts` has the steps.
 */
export const createContainer: Rpc<CreateContainerRequest, CreateContainerResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const sandbox = pods.requireSandboxObject(request.podSandboxId);
  sandbox.requireClient('create container');
  const plan = planContainer(request.config, sandbox.record);
  const found = existing(pods, plan);
  if (found !== undefined) return { containerId: found };
  const images = [
    requireImage(life.images, plan.image),
    ...requireVolumeImages(life.images, plan.config.mounts),
  ] as const;
  const make = async (): Promise<string> => {
    expectMoves(life.cgroups, life.cgroupDriver);
    return (await makeContainer(life, sandbox, plan, images)).id;
  };
  return { containerId: await life.containerNames.join(plan.name, plan.identity, make, signal) };
};

/** The ID of the container that came of an earlier call. Errors: already-exists for any other of that name. */
function existing(pods: Registry, plan: ContainerPlan): string | undefined {
  const container = pods.containerNamed(plan.name);
  if (container === undefined) return undefined;
  const { record, state } = container;
  const alive = state.kind === 'created' || state.kind === 'running';
  const same = isDeepStrictEqual(plan.identity, containerIdentity(record.config));
  if (alive && same) return container.id;
  const why = alive ? 'which was made from another configuration' : 'which has ended';
  throw new GantryError({
    code: 'already-exists',
    operation: 'create container',
    subject: plan.name,
    message: `the container name "${plan.name}" is reserved for ${container.id}, ${why}; remove it first, or raise the attempt`,
  });
}

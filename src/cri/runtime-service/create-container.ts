import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/index.ts';
import type { CreateContainerRequest, CreateContainerResponse } from '../../cri-types/index.ts';
import type { ImageRecord } from '../../image/index.ts';
import {
  adjustDocument,
  asHungMount,
  asImageVolumeError,
  type ContainerPlan,
  commitContainer,
  containerIdentity,
  createToBarrier,
  failpoint,
  lookAtHostPaths,
  makeContainer,
  makeDocument,
  type PodService,
  planContainer,
  relabelVolumes,
  removeTree,
  requireImage,
  requireVolumeImages,
  type Sandbox,
  undoing,
  writeContainerDirectory,
  writeManifests,
} from '../../pod/index.ts';
import { asLimitError, expectMoves } from '../../resources/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Makes a container in a ready pod: everything but the exec of its program. Asked for again under the same name it joins the
 * first call, or returns the container that came of it.
 */
export const createContainer: Rpc<CreateContainerRequest, CreateContainerResponse> = async (
  { pods },
  request,
  { signal },
) => {
  const sandbox = pods.requireSandboxObject(request.podSandboxId);
  sandbox.requireClient('create container');
  const plan = planContainer(request.config, sandbox.record);
  const found = existing(pods, plan);
  if (found !== undefined) return { containerId: found };
  const images = [
    requireImage(pods.images, plan.image),
    ...requireVolumeImages(pods.images, plan.config.mounts),
  ] as const;
  const make = (): Promise<string> => {
    expectMoves(pods.cgroups, pods.config.cgroupDriver);
    return sandbox.making.run(plan.name, (signal) => makeIn(pods, sandbox, { plan, images, signal }));
  };
  return { containerId: await pods.containerNames.join(plan.name, plan.identity, make, signal) };
};

interface Wanted {
  readonly plan: ContainerPlan;
  readonly images: readonly [ImageRecord, ...ImageRecord[]];
  /** Aborts when the making is given up: each step is the last one then. */
  readonly signal: AbortSignal;
}

function makeIn(pods: PodService, sandbox: Sandbox, { plan, images, signal }: Wanted): Promise<string> {
  return undoing(pods.log, async (undo) => {
    const client = sandbox.requireClient('create container');
    const [image, ...volumeImages] = images;
    const container = makeContainer(pods, sandbox, plan, image, volumeImages);
    undo.add('name', () => pods.dropContainer(container));

    undo.add('directory', () => removeTree(container.path));
    writeContainerDirectory(container);
    await failpoint('create/directory');

    undo.add('layers', () => pods.images.releaseLayers(container.id));
    const layers = await pods.images.acquireImages(images, container.id);
    await failpoint('create/layers');

    undo.add('NRI', () => pods.nri.removeContainer(container.id));
    const lookups = await lookAtHostPaths(plan, signal);
    const asked = await makeDocument(pods, container, { plan, image, lookups }, layers[0] ?? []);
    const document = await adjustDocument(pods, container, asked);
    await relabelVolumes(pods, container, { plan, lookups }, signal);
    signal.throwIfAborted();
    await failpoint('create/nri');

    writeManifests(pods, container, plan, document, layers);
    await failpoint('create/manifest');

    undo.add('app', () => forget(sandbox, container.id));
    const pass = await createToBarrier(pods, container, client, signal).catch(asLimitError);
    await failpoint('create/barrier');

    await pass()
      .catch(asLimitError)
      .catch(asHungMount(document))
      .catch(asImageVolumeError(plan.config.mounts));
    await failpoint('create/continue');

    commitContainer(pods, container);
    await failpoint('create/commit');
    await pods.nri.postCreateContainer(container.id);
    return container.id;
  });
}

/** A pod that ended meanwhile has taken its apps with it. */
async function forget(sandbox: Sandbox, containerId: string): Promise<void> {
  await sandbox.client?.delete(containerId);
}

/** The ID of the container that came of an earlier call. Errors: already-exists for any other of that name. */
function existing(pods: PodService, plan: ContainerPlan): string | undefined {
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

import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/index.ts';
import type { RunPodSandboxRequest, RunPodSandboxResponse } from '../../cri-types/index.ts';
import { criOwner } from '../../owner/index.ts';
import { makePod, planSandbox, type Registry, type SandboxPlan, sandboxIdentity } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Makes a pod and waits until containers can be created in it. Asked for again under the same name it joins the first call, or
 * returns the ready pod that came of it. The making knows nothing of the caller, who may have gone: whoever retries finds the
 * pod, or the name free. `pod/plan/resources.ts` has the steps.
 */
export const runPodSandbox: Rpc<RunPodSandboxRequest, RunPodSandboxResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const plan = planSandbox(request.config, request.runtimeHandler, hostname());
  const make = async (): Promise<string> => (await makePod(life, plan, criOwner)).id;
  const podSandboxId =
    existing(pods, plan) ?? (await life.sandboxNames.join(plan.name, plan.identity, make, signal));
  return { podSandboxId };
};

/** The ID of the ready pod that came of an earlier call. Errors: already-exists for any other of that name. */
function existing(pods: Registry, plan: SandboxPlan): string | undefined {
  const sandbox = pods.sandboxNamed('cri', plan.name);
  if (sandbox === undefined) return undefined;
  const { record, state } = sandbox;
  const same = isDeepStrictEqual(plan.identity, sandboxIdentity(record.config, record.runtimeHandler));
  if (state.kind === 'ready' && same) return sandbox.id;
  const why = state.kind === 'ready' ? 'which was made from another configuration' : 'which was stopped';
  throw new GantryError({
    code: 'already-exists',
    operation: 'run pod sandbox',
    subject: plan.name,
    message: `the sandbox name "${plan.name}" is reserved for ${sandbox.id}, ${why}; remove it first, or raise the attempt`,
  });
}

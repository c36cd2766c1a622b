import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/index.ts';
import type { RunPodSandboxRequest, RunPodSandboxResponse } from '../../cri-types/index.ts';
import {
  commitSandbox,
  discardDirectory,
  endStage1,
  failpoint,
  launchStage1,
  Makings,
  makeNamespaces,
  makeSandbox,
  type PodService,
  planSandbox,
  type SandboxPlan,
  sandboxIdentity,
  setUpNetwork,
  takeNetworkDown,
  tellPodRun,
  undoing,
  writePodDirectory,
  writePodFiles,
  writePodManifest,
} from '../../pod/index.ts';
import { expectMoves } from '../../resources/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Makes a pod and waits until containers can be created in it. Asked for again under the same name it joins the first call,
 * or returns the ready pod that came of it.
 */
export const runPodSandbox: Rpc<RunPodSandboxRequest, RunPodSandboxResponse> = async (
  { pods },
  request,
  { signal },
) => {
  const plan = planSandbox(request.config, request.runtimeHandler, hostname());
  const podSandboxId =
    existing(pods, plan) ??
    (await pods.sandboxNames.join(plan.name, plan.identity, () => make(pods, plan), signal));
  return { podSandboxId };
};

/** The steps. None of them knows of the caller, who may have gone: whoever retries finds the pod, or the name free. */
function make(pods: PodService, plan: SandboxPlan): Promise<string> {
  expectMoves(pods.cgroups, pods.config.cgroupDriver);
  return new Makings().run(plan.name, (signal) => makeIn(pods, plan, signal));
}

function makeIn(pods: PodService, plan: SandboxPlan, signal: AbortSignal): Promise<string> {
  return undoing(pods.log, async (undo) => {
    const sandbox = makeSandbox(pods, plan);
    undo.add('name', () => pods.dropSandbox(sandbox));

    undo.add('pod directory', () => discardDirectory(sandbox));
    writePodDirectory(sandbox);
    await failpoint('run/directory');

    undo.add('network', () => takeNetworkDown(pods, sandbox));
    await makeNamespaces(sandbox, plan);
    writePodManifest(pods, sandbox, plan);
    await failpoint('run/netns');

    undo.add('stage1', () => endStage1(pods, sandbox));
    const pid = await networkAndStage1(pods, plan, sandbox, signal);
    signal.throwIfAborted();

    undo.add('NRI', () => pods.nri.removePodSandbox(sandbox.id));
    await tellPodRun(pods, sandbox, pid);
    await failpoint('run/nri');

    commitSandbox(pods, sandbox, pid);
    await failpoint('run/commit');
    return sandbox.id;
  });
}

/** Neither needs the other: stage1 starts while plug-ins run and files are written. All have ended when this returns or throws. */
async function networkAndStage1(
  pods: PodService,
  plan: SandboxPlan,
  sandbox: ReturnType<typeof makeSandbox>,
  signal: AbortSignal,
): Promise<number> {
  const network = async (): Promise<void> => {
    if (plan.namespaces.ownNetwork) {
      await setUpNetwork(pods, sandbox, plan, signal);
    }
    await failpoint('run/network');
  };
  const stage1 = async (): Promise<number> => {
    const pid = await launchStage1(pods, sandbox, plan);
    await failpoint('run/launch');
    return pid;
  };
  const files = (): Promise<void> => writePodFiles(sandbox, plan, signal);
  const [up, launched, written] = await Promise.allSettled([network(), stage1(), files()]);
  if (launched.status === 'rejected') throw launched.reason;
  if (up.status === 'rejected') throw up.reason;
  if (written.status === 'rejected') throw written.reason;
  return launched.value;
}

/** The ID of the ready pod that came of an earlier call. Errors: already-exists for any other of that name. */
function existing(pods: PodService, plan: SandboxPlan): string | undefined {
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

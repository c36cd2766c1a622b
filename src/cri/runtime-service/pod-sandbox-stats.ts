import { GantryError } from '../../base/index.ts';
import type { PodSandboxStatsRequest, PodSandboxStatsResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { requireVisibleSandbox } from '../visible.ts';

/** Errors: not-found; failed-precondition for a pod that does not run: there is nothing to measure. */
export const podSandboxStats: Rpc<PodSandboxStatsRequest, PodSandboxStatsResponseInit> = async (
  { pods, statistics },
  { podSandboxId },
) => {
  const sandbox = requireVisibleSandbox(pods, podSandboxId);
  if (sandbox.state.kind !== 'ready') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'read pod statistics',
      subject: sandbox.id,
      message: `pod sandbox ${sandbox.id} is not running`,
    });
  }
  const [stats] = await statistics.ofSandboxes([sandbox], pods);
  return { stats };
};

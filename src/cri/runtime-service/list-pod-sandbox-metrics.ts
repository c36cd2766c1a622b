import type {
  ListPodSandboxMetricsRequest,
  ListPodSandboxMetricsResponseInit,
  PodSandboxMetricsInit,
} from '../../cri-types/index.ts';
import type { Rpc, Services } from '../context.ts';
import { filterSandboxes } from '../filters.ts';
import { visibleSandboxes } from '../visible.ts';

export const listPodSandboxMetrics: Rpc<
  ListPodSandboxMetricsRequest,
  ListPodSandboxMetricsResponseInit
> = async (services) => ({ podMetrics: await metricsOfSandboxes(services) });

/** Of ready pods and their running containers. */
export async function metricsOfSandboxes({ pods, statistics }: Services): Promise<PodSandboxMetricsInit[]> {
  statistics.forgetAllBut(pods);
  const ready = visibleSandboxes(pods).filter(({ state }) => state.kind === 'ready');
  return statistics.metricsOf(filterSandboxes(ready, undefined), pods);
}

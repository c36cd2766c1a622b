import type {
  ListPodSandboxStatsRequest,
  ListPodSandboxStatsResponseInit,
  PodSandboxStatsFilter,
  PodSandboxStatsInit,
} from '../../cri-types/index.ts';
import type { Rpc, Services } from '../context.ts';
import { filterSandboxes } from '../filters.ts';
import { visibleSandboxes } from '../visible.ts';

export const listPodSandboxStats: Rpc<ListPodSandboxStatsRequest, ListPodSandboxStatsResponseInit> = async (
  services,
  { filter },
) => ({ stats: await statsOfSandboxes(services, filter) });

/** Of ready pods. */
export async function statsOfSandboxes(
  { pods, statistics }: Services,
  filter: PodSandboxStatsFilter | undefined,
): Promise<PodSandboxStatsInit[]> {
  statistics.forgetAllBut(pods);
  const ready = visibleSandboxes(pods).filter(({ state }) => state.kind === 'ready');
  return statistics.ofSandboxes(filterSandboxes(ready, filter), pods);
}

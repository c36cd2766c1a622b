import type {
  ContainerStatsFilter,
  ContainerStatsInit,
  ListContainerStatsRequest,
  ListContainerStatsResponseInit,
} from '../../cri-types/index.ts';
import type { Rpc, Services } from '../context.ts';
import { filterContainers } from '../filters.ts';
import { visibleContainers } from '../visible.ts';

export const listContainerStats: Rpc<ListContainerStatsRequest, ListContainerStatsResponseInit> = async (
  services,
  { filter },
) => ({ stats: await statsOfContainers(services, filter) });

/** Of what runs: an ended container uses nothing. */
export async function statsOfContainers(
  { pods, statistics }: Services,
  filter: ContainerStatsFilter | undefined,
): Promise<ContainerStatsInit[]> {
  statistics.forgetAllBut(pods);
  const running = visibleContainers(pods).filter(({ state }) => state.kind === 'running');
  return statistics.ofContainers(filterContainers(running, filter));
}

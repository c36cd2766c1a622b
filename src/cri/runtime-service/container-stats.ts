import type { ContainerStatsRequest, ContainerStatsResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { requireVisibleContainer } from '../visible.ts';

export const containerStats: Rpc<ContainerStatsRequest, ContainerStatsResponseInit> = async (
  { pods, statistics },
  { containerId },
) => {
  const [stats] = await statistics.ofContainers([requireVisibleContainer(pods, containerId)]);
  return { stats };
};

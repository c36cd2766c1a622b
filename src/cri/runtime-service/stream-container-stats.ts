import type { StreamContainerStatsRequest, StreamContainerStatsResponseInit } from '../../cri-types/index.ts';
import { chunks } from '../chunks.ts';
import type { StreamRpc } from '../context.ts';
import { statsOfContainers } from './list-container-stats.ts';

export const streamContainerStats: StreamRpc<StreamContainerStatsRequest, StreamContainerStatsResponseInit> =
  async function* (services, { filter }) {
    for (const part of chunks(await statsOfContainers(services, filter))) yield { containerStats: part };
  };

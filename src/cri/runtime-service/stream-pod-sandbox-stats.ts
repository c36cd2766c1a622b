import type {
  StreamPodSandboxStatsRequest,
  StreamPodSandboxStatsResponseInit,
} from '../../cri-types/index.ts';
import { chunks } from '../chunks.ts';
import type { StreamRpc } from '../context.ts';
import { statsOfSandboxes } from './list-pod-sandbox-stats.ts';

export const streamPodSandboxStats: StreamRpc<
  StreamPodSandboxStatsRequest,
  StreamPodSandboxStatsResponseInit
> = async function* (services, { filter }) {
  for (const part of chunks(await statsOfSandboxes(services, filter))) yield { podSandboxStats: part };
};

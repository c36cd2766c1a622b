import type {
  StreamPodSandboxMetricsRequest,
  StreamPodSandboxMetricsResponseInit,
} from '../../cri-types/index.ts';
import { chunks } from '../chunks.ts';
import type { StreamRpc } from '../context.ts';
import { metricsOfSandboxes } from './list-pod-sandbox-metrics.ts';

export const streamPodSandboxMetrics: StreamRpc<
  StreamPodSandboxMetricsRequest,
  StreamPodSandboxMetricsResponseInit
> = async function* (services) {
  // A pod's metrics are some hundred times larger than its entry in a list.
  for (const part of chunks(await metricsOfSandboxes(services), 10)) yield { podSandboxMetrics: part };
};

import type {
  ContainerMetricsInit,
  MetricDescriptorInit,
  MetricInit,
  PodSandboxMetricsInit,
} from '../../cri-types/index.ts';
import type { SandboxRecord } from '../../pod/index.ts';
import { commonLabels, containerMetrics, type Metric, podMetrics } from './descriptors.ts';
import type { ContainerSample, PodSample } from './sample.ts';

/** Every metric that may ever appear, whether or not there is a pod. */
export function metricDescriptors(): MetricDescriptorInit[] {
  const describe = ({ name, help, labels }: Metric<never>): MetricDescriptorInit => ({
    name,
    help,
    labelKeys: [...commonLabels, ...labels],
  });
  return [...containerMetrics.map(describe), ...podMetrics.map(describe)];
}

export function podSandboxMetrics(
  sample: PodSample,
  containers: readonly ContainerSample[],
  timestamp: bigint,
): PodSandboxMetricsInit {
  const { sandbox } = sample;
  return {
    podSandboxId: sandbox.id,
    metrics: metricsOf(podMetrics, sample, [...podLabels(sandbox), '', sandbox.id, ''], timestamp),
    containerMetrics: containers.map((container) => metricsOfContainer(container, sandbox)),
  };
}

function metricsOfContainer(sample: ContainerSample, sandbox: SandboxRecord): ContainerMetricsInit {
  const { id, config } = sample.container;
  const image = config.image?.userSpecifiedImage || config.image?.image || '';
  const labels = [...podLabels(sandbox), config.metadata?.name ?? '', id, image];
  return { containerId: id, metrics: metricsOf(containerMetrics, sample, labels, sample.at) };
}

function podLabels({ config }: SandboxRecord): [string, string] {
  return [config.metadata?.name ?? '', config.metadata?.namespace ?? ''];
}

/** What the host does not keep has no sample. */
function metricsOf<From>(
  metrics: readonly Metric<From>[],
  from: From,
  common: readonly string[],
  timestamp: bigint,
): MetricInit[] {
  return metrics.flatMap(({ name, type, read }) =>
    read(from).flatMap(([value, ...labels]) =>
      value === undefined
        ? []
        : [
            {
              name,
              timestamp,
              metricType: type,
              labelValues: [...common, ...labels],
              value: { value: BigInt(Math.floor(value)) },
            },
          ],
    ),
  );
}

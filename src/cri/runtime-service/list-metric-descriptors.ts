import type {
  ListMetricDescriptorsRequest,
  ListMetricDescriptorsResponseInit,
} from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { metricDescriptors } from '../pod-metrics/build.ts';

export const listMetricDescriptors: Rpc<
  ListMetricDescriptorsRequest,
  ListMetricDescriptorsResponseInit
> = async () => ({
  descriptors: metricDescriptors(),
});

import type { NetworkRecord, NetworkRequest, NetworkStatus } from './types.ts';

/** What CNI and the built-in network both are; PodNetwork picks one of them for each new pod. */
export interface NetworkProvider {
  setUp(
    request: NetworkRequest,
    announce: (record: NetworkRecord) => void,
    signal: AbortSignal,
  ): Promise<NetworkRecord>;
  tearDown(record: NetworkRecord): Promise<void>;
  status(): Promise<NetworkStatus>;
  collectGarbage(live: readonly NetworkRecord[]): Promise<void>;
}

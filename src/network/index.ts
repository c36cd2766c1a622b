export { hostResolvConf, renderHosts, renderResolvConf } from './dns.ts';
export { createPodNetwork } from './pod-network.ts';
export type * from './types.ts';

export { lookAtNodes } from './host-nodes.ts';
export { requestedDevices } from './names.ts';
export { CdiRegistry } from './registry.ts';
export type { Cdi, HostNode, HostNodes, LookAtNodes } from './types.ts';

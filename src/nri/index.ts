export type { ContainerState as NriContainerState } from './generated/messages.ts';
export { noNri } from './none.ts';
export { REQUIRED_PLUGINS } from './required.ts';
export type { ContainerFacts, Nri, NriOptions, NriRuntime, PodFacts } from './types.ts';

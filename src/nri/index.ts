import type { Logger } from '../base/index.ts';
import { noNri } from './none.ts';
import type { Nri, NriOptions } from './types.ts';

export type { ContainerState as NriContainerState } from './generated/messages.ts';
export { noNri } from './none.ts';
export type { ContainerFacts, Nri, NriOptions, NriRuntime, PodFacts } from './types.ts';

/** NRI on the socket that the options name; without one it is off, and nothing of it is loaded. Not started yet. */
export async function createNri(options: NriOptions, log: Logger): Promise<Nri> {
  if (options.socket === '') return noNri;
  const { NriService } = await import('./service.ts');
  return new NriService(options, log);
}

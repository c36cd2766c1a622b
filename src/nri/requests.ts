/** What plug-ins want of containers other than the one that they are asked about. */
import { describeError, type Logger } from '../base/index.ts';
import type { ContainerUpdateInit, Messages } from './generated/messages.ts';
import { toOci } from './resources.ts';
import type { NriRuntime } from './types.ts';

type Request = Messages['UpdateContainersRequest'];

export class Requests {
  readonly #runtime: () => NriRuntime;
  readonly #log: Logger;

  constructor(runtime: () => NriRuntime, log: Logger) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /**
   * Asked for by a plug-in at any time, also in the middle of an event that it has not answered yet: so this waits for no event.
   * Its own requests stay in order, because it waits for the answer.
   */
  async unsolicited(plugin: string, { update, evict }: Request): Promise<{ failed: ContainerUpdateInit[] }> {
    this.evict(plugin, evict);
    return { failed: await this.apply(update) };
  }

  /** Those that failed and whose failure matters. Never rejects. */
  async apply(updates: readonly ContainerUpdateInit[]): Promise<ContainerUpdateInit[]> {
    const failed: ContainerUpdateInit[] = [];
    for (const update of updates) {
      const { containerId = '', linux, ignoreFailure } = update;
      const runtime = this.#runtime();
      try {
        await runtime.update(containerId, toOci(linux?.resources ?? {}, runtime.swapAccounting));
      } catch (error) {
        if (ignoreFailure !== true) failed.push(update);
        const fields = { container: containerId, error: describeError(error) };
        this.#log.warn(fields, 'an update that an NRI plug-in asked for failed');
      }
    }
    return failed;
  }

  /** In the background: an end may take its time. */
  evict(plugin: string, evictions: Request['evict']): void {
    for (const { containerId, reason } of evictions) {
      const fields = { container: containerId, plugin };
      this.#log.info({ ...fields, reason }, 'container evicted by an NRI plug-in');
      this.#runtime()
        .evict(containerId)
        .catch((error) => {
          this.#log.error({ ...fields, error: describeError(error) }, 'eviction failed');
        });
    }
  }
}

import { describeError, type Logger } from '../base/index.ts';
import type { EventName, RequestOf, ResponseOf } from './events.ts';
import { GONE, type Plugin } from './plugin.ts';

/** The plug-ins that take part, in the order of their indices; of the same index, in that of their coming. */
export class Plugins {
  readonly #log: Logger;
  #all: readonly Plugin[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  get all(): readonly Plugin[] {
    return this.#all;
  }

  add(plugin: Plugin): void {
    if (!plugin.isOpen) return;
    this.#all = [...this.#all, plugin].sort((a, b) => Number(a.index) - Number(b.index));
    void plugin.closed.then((reason) => {
      this.#all = this.#all.filter((other) => other !== plugin);
      const why = reason === undefined ? {} : { error: describeError(reason) };
      this.#log.warn({ plugin: plugin.name, ...why }, 'NRI plug-in is gone');
    });
  }

  /** Those that want to hear of it. */
  wanting(event: EventName): readonly Plugin[] {
    return this.#all.filter((plugin) => plugin.wants(event));
  }

  /** Asked one after the other; the first that refuses ends it. Errors: its refusal. */
  async ask<E extends EventName>(
    event: E,
    request: () => RequestOf<E>,
    answered: (plugin: Plugin, response: ResponseOf<E>) => void = () => {},
  ): Promise<void> {
    for (const plugin of this.wanting(event)) {
      if (!plugin.isOpen) continue; // gone while another was asked
      const response = await plugin.tell(event, request());
      if (response !== GONE) answered(plugin, response);
    }
  }

  /** Told one after the other, whatever each of them says. Never rejects. */
  async notify<E extends EventName>(
    event: E,
    request: () => RequestOf<E>,
    answered: (plugin: Plugin, response: ResponseOf<E>) => void = () => {},
  ): Promise<void> {
    for (const plugin of this.wanting(event)) {
      if (!plugin.isOpen) continue;
      try {
        const response = await plugin.tell(event, request());
        if (response !== GONE) answered(plugin, response);
      } catch (error) {
        this.#log.warn({ plugin: plugin.name, event, error: describeError(error) }, 'NRI plug-in failed');
      }
    }
  }
}

/** Scopes: units of systemd around processes that somebody else has started. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BusValue, describeError, GantryError } from '../../base/index.ts';
import { busErrorOf, ManagerBus } from './bus.ts';
import { asVariants, infinity, knownTo, type UnitProperty } from './unit-property.ts';

export interface ScopeRequest {
  /** Whose processes start the scope: an empty one is refused. */
  readonly pid: number;
  readonly slice: string;
  /** `gantry-<id>.scope` */
  readonly unit: string;
  readonly description: string;
  /** Limits; later ones of a name win over what every scope has. */
  readonly properties?: readonly UnitProperty[];
}

/** What StartTransientUnit is given: what every scope has, and the request's own. Pure. */
export function scopeProperties(request: ScopeRequest): UnitProperty[] {
  const properties: UnitProperty[] = [
    { name: 'Description', type: 's', value: request.description },
    { name: 'Slice', type: 's', value: request.slice },
    // The cgroup's inside is ours: systemd keeps off, and hands every controller down.
    { name: 'Delegate', type: 'b', value: true },
    { name: 'PIDs', type: 'au', value: [request.pid] },
    { name: 'DefaultDependencies', type: 'b', value: false },
    ...['CPUAccounting', 'MemoryAccounting', 'TasksAccounting', 'IOAccounting'].map((name) => ({
      name,
      type: 'b',
      value: true,
    })),
    // systemd gives scopes a limit of its own (DefaultTasksMax) where none is asked for.
    { name: 'TasksMax', type: 't', value: infinity },
    // A scope that failed is forgotten, or its name could not be used again.
    { name: 'CollectMode', type: 's', value: 'inactive-or-failed' },
    ...(request.properties ?? []),
  ];
  return [...new Map(properties.map((property) => [property.name, property])).values()];
}

/** Properties that a unit is given at its start, or never. */
const fixed: ReadonlySet<string> = new Set(['OOMPolicy']);

/** What is needed of the connection. */
export type Manager = Pick<ManagerBus, 'call' | 'property' | 'listen' | 'close'>;

/** systemd's manager, as far as it is needed. */
export class Scopes {
  readonly #bus: Manager;
  readonly #procCgroup: (pid: number) => string;
  #version: Promise<number> | undefined;

  constructor(
    bus: Manager = new ManagerBus(),
    procCgroup = (pid: number) => readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
  ) {
    this.#bus = bus;
    this.#procCgroup = procCgroup;
  }

  /**
   * Has systemd make a scope with the process in it, and waits until its job is done. Errors: unavailable, with what systemd said; a
   * unit that failed to start is forgotten.
   */
  async start(request: ScopeRequest, signal: AbortSignal): Promise<void> {
    try {
      await this.#startOnce(request, signal).catch(async (error: unknown) => {
        // What an earlier attempt of the same name has left.
        if (busErrorOf(error) !== 'org.freedesktop.systemd1.UnitExists') throw error;
        await this.forget(request.unit);
        await this.#startOnce(request, signal);
      });
    } catch (cause) {
      throw new GantryError({
        code: 'unavailable',
        operation: 'start scope',
        subject: request.unit,
        message: `systemd did not put process ${request.pid} into ${request.unit} (slice ${request.slice}): ${describeError(cause)}`,
        cause,
      });
    }
  }

  /** Changes limits of a unit that runs, until it ends. Errors: systemd's refusal; unavailable. */
  async setProperties(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    const known = knownTo(await this.version(), properties).filter(({ name }) => !fixed.has(name));
    if (known.length === 0) return;
    await this.#bus.call('SetUnitProperties', 'sba(sv)', [unit, true, asVariants(known)]);
  }

  /**
   * Ends a scope whose processes are gone. systemd hears of the last one's end only as long as the cgroup is there: where somebody
   * removes that first, the scope would be shown as running for ever. Never fails; idempotent.
   */
  async stop(unit: string): Promise<void> {
    await this.#bus.call('StopUnit', 'ss', [unit, 'replace']).catch(() => undefined);
  }

  /** Tells of the end of each `daemon-reload` for as long as there is a connection, which is made here. Errors: unavailable. */
  async onReloaded(tell: () => void): Promise<void> {
    this.#bus.listen(
      (member, [active]) => {
        if (member === 'Reloading' && active === false) tell();
      },
      () => undefined,
    );
    await this.version();
  }

  /** Has systemd forget a unit that has failed. Never fails; idempotent. */
  async forget(unit: string): Promise<void> {
    await this.#bus.call('ResetFailedUnit', 's', [unit]).catch(() => undefined);
  }

  /** systemd's major version. Errors: unavailable. */
  version(): Promise<number> {
    this.#version ??= this.#bus
      .property('Version')
      .then((text) => Number(/\d+/.exec(String(text))?.[0] ?? 0))
      .catch((error: unknown) => {
        this.#version = undefined;
        throw error;
      });
    return this.#version;
  }

  async close(): Promise<void> {
    await this.#bus.close();
  }

  async #startOnce(request: ScopeRequest, signal: AbortSignal): Promise<void> {
    const properties = knownTo(await this.version(), scopeProperties(request));
    const job = this.#waitForJob(request, signal);
    try {
      const words = [request.unit, 'replace', asVariants(properties), []];
      const [path] = await this.#bus.call('StartTransientUnit', 'ssa(sv)a(sa(sv))', words);
      const result = await job.result(String(path));
      if (result === 'done') return;
      await this.forget(request.unit);
      throw new Error(`the job ended with the result "${result}"`);
    } finally {
      job.stop();
    }
  }

  /** Listens from before the call, for the job may be done before its answer is read. */
  #waitForJob(
    { unit, pid }: ScopeRequest,
    signal: AbortSignal,
  ): { result(path: string): Promise<string>; stop(): void } {
    const results = new Map<string, string>();
    let changed = (): void => undefined;
    let lost: Error | undefined;
    const stop = this.#bus.listen(
      (member, values) => {
        const ended = removedJob(member, values, unit);
        if (ended === undefined) return;
        results.set(ended.path, ended.result);
        changed();
      },
      (reason) => {
        lost = reason;
        changed();
      },
    );
    const result = async (path: string): Promise<string> => {
      for (;;) {
        const found = results.get(path);
        if (found !== undefined) return found;
        // systemd or the bus was restarted meanwhile: the job's result is gone, but not what it was for.
        if (lost !== undefined) return await this.#placed(pid, unit, signal);
        await nextChange((next) => (changed = next), signal);
      }
    };
    return { result, stop };
  }

  async #placed(pid: number, unit: string, signal: AbortSignal): Promise<string> {
    while (!isInUnit(this.#procCgroup(pid), unit)) await sleep(20, undefined, { signal });
    return 'done';
  }
}

function nextChange(onChange: (resolve: () => void) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('the job did not end in time'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    onChange(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

/** JobRemoved(u id, o job, s unit, s result) of this unit. */
function removedJob(
  member: string,
  [, path, unit, result]: readonly BusValue[],
  wanted: string,
): { path: string; result: string } | undefined {
  if (member !== 'JobRemoved' || unit !== wanted) return undefined;
  return { path: String(path), result: String(result) };
}

/** Whether a process with this /proc/<pid>/cgroup is in the unit, in the hierarchy that systemd tracks processes by. */
export function isInUnit(procCgroup: string, unit: string): boolean {
  return procCgroup
    .split('\n')
    .some((line) => /^(0::|\d+:name=systemd:)/.test(line) && line.split('/').includes(unit));
}

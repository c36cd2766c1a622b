import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type World } from '../harness/index.ts';
import { processesBelow, stage1Of, type Usage, usage } from './measure.ts';

/**
 * What (anonymous) memory may differ by, in KiB. The server's heap is bounded by bin/gantry, and still
 * has thirty to fifty MiB of noise; a thousand sessions of which each left its zlib streams (a third of a MiB), or its sockets'
 * buffers, would cost several times as much. stage1 has 0.7 MiB in all; a quarter of one may wait for an app that never reads
 * its stdin.
 */
const tolerance = { server: 64 << 10, stage1: 512 };

/** What the apps themselves start and end all the time. */
const passing = /^(sleep|head|tr|sh -c while) /;

export interface State {
  readonly server: Usage;
  readonly stage1: Usage;
  readonly processes: ReadonlyMap<number, string>;
}

function steady({ processes }: State): string[] {
  return [...processes].filter(([, argv]) => !passing.test(argv)).map(([pid, argv]) => `${pid} ${argv}`);
}

/** What there is too much of in comparison, a line each. */
function excess(from: State, to: State): string[] {
  const known = new Set(steady(from));
  const lines = steady(to).filter((each) => !known.has(each));
  const atMost = (what: string, value: number, limit: number): void => {
    if (value > limit) lines.push(`${what}: ${value}, and not ${limit} at most`);
  };
  atMost('descriptors of the server', to.server.descriptors, from.server.descriptors);
  atMost('threads of the server', to.server.threads, from.server.threads);
  atMost('KiB of the server', to.server.anonymous, from.server.anonymous + tolerance.server);
  atMost('descriptors of stage1', to.stage1.descriptors, from.stage1.descriptors);
  atMost('threads of stage1', to.stage1.threads, 1);
  atMost('KiB of stage1', to.stage1.anonymous, from.stage1.anonymous + tolerance.stage1);
  return lines;
}

/** Counts what a world with one pod costs. */
export class Census {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  state(): State {
    const processes = processesBelow(this.#world.cgroupParent);
    return { server: usage(this.#world.gantry.daemon.pid), stage1: usage(stage1Of(processes)), processes };
  }

  /** The first state that a second and a half later is still the same. */
  async settled(): Promise<State> {
    let last = this.state();
    const changes = async (): Promise<string[]> => {
      await sleep(1500);
      const before = last;
      last = this.state();
      return [...excess(before, last), ...excess(last, before)];
    };
    await eventually(changes, (lines) => lines.length === 0, 40);
    return last;
  }

  /** Waits until nothing is more than it was; fails after 30 s with what still is. */
  async backAt(base: State): Promise<State> {
    await eventually(
      () => excess(base, this.state()),
      (lines) => lines.length === 0,
      30,
    );
    return this.state();
  }

  report(when: string, { server, stage1, processes }: State): void {
    console.log(when, JSON.stringify({ server, stage1, processes: processes.size }));
  }
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CriClient } from '../cri-client.ts';

const gantry = fileURLToPath(new URL('../../bin/gantry', import.meta.url));

/** `gantry serve` on directories of the quickstart's own, so that nothing else on this machine is touched. */
export class Server {
  readonly directory: string;
  readonly socket: string;
  readonly cri: CriClient;
  /** Of the built-in network; another Gantry on this machine has its own. */
  readonly bridge = 'gantry-qs';
  #child: ChildProcess | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, 'gantry.sock');
    this.cri = new CriClient(this.socket);
  }

  /** What other verbs take to find the same images and pods. */
  get flags(): string[] {
    return ['--root', join(this.directory, 'root'), '--state', join(this.directory, 'run')];
  }

  get arguments(): string[] {
    const network = [
      '--network',
      'builtin',
      '--builtin-bridge',
      this.bridge,
      '--builtin-subnet',
      '10.188.0.0/16',
    ];
    const own = ['--listen', `unix://${this.socket}`, ...network];
    return ['serve', ...own, ...this.flags];
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, in a session of its own so that it can be left running, and waits for its first answer. */
  async start(): Promise<void> {
    const log = openSync(join(this.directory, 'log'), 'a');
    const child = spawn(gantry, this.arguments, { stdio: ['ignore', log, log], detached: true });
    child.unref();
    this.#child = child;
    for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
      const version = await this.cri.call('Version', {}, 1000).catch(() => undefined);
      if (version !== undefined) return;
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`the server did not start:\n${this.#log()}`);
    }
  }

  /** SIGKILL by default: the server gets no chance to prepare. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await ended;
  }

  /** `gantry VERB …` on this server's directories. */
  command(...args: string[]): string {
    return execFileSync(gantry, [...args.slice(0, 2), ...this.flags, ...args.slice(2)], {
      encoding: 'utf8',
    }).trim();
  }

  #log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8').split('\n').slice(-20).join('\n');
  }
}

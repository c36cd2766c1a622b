import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DaemonOptions {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard output and error are appended here. */
  readonly logFile: string;
  /** It is up once this unix socket accepts a connection. */
  readonly socket: string;
}

/** On machines that are slow by nature (emulated ones): how many times longer things may take. */
export const patience = Number(process.env['GANTRY_E2E_PATIENCE'] ?? '1');

/** A server process that tests start, kill and start again. */
export class Daemon {
  #options: DaemonOptions;
  #child: ChildProcess | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** What the next start runs instead: another release's program, other flags or variables behind those that it has. */
  change(change: {
    readonly program?: string;
    readonly flags?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  }): void {
    const [program, ...args] = this.#options.argv;
    this.#options = {
      ...this.#options,
      argv: [change.program ?? program, ...args, ...(change.flags ?? [])],
      env: { ...this.#options.env, ...change.env },
    };
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.isRunning) throw new Error(`${this.#options.argv[0]} is not running`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get log(): string {
    return readFileSync(this.#options.logFile, 'utf8');
  }

  /** Starts it and waits until its socket answers, 30 s at most (times GANTRY_E2E_PATIENCE). */
  async start(): Promise<void> {
    const { argv, env, logFile, socket } = this.#options;
    const log = openSync(logFile, 'a');
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    this.#child = child;
    const deadline = Date.now() + 30_000 * patience;
    while (!(await accepts(socket))) {
      if (!this.isRunning)
        throw new Error(`${program} ended with ${child.exitCode ?? child.signalCode}:\n${this.log}`);
      if (Date.now() > deadline) throw new Error(`${program} does not listen on ${socket}:\n${this.log}`);
      await sleep(20);
    }
  }

  /** SIGKILL: it has no chance to tidy up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM. Errors: it took 20 s (times GANTRY_E2E_PATIENCE), and was killed. */
  async stop(): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#child?.kill('SIGKILL');
    }, 20_000 * patience);
    await this.#end('SIGTERM');
    clearTimeout(timer);
    if (late) throw new Error(`${this.#options.argv[0]} did not end when it was told to:\n${this.log}`);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await ended;
  }
}

async function accepts(socket: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

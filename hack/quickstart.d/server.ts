import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { native } from '../../src/base/index.ts';
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

  /** Errors: where another quickstart has the bridge. */
  requireOwnBridge(): void {
    const file = `/sys/class/net/${this.bridge}/ifalias`;
    const [, other] = /^gantry (.*)\/root$/m.exec(existsSync(file) ? readFileSync(file, 'utf8') : '') ?? [];
    if (other === undefined) return;
    throw new Error(
      existsSync(join(other, 'gantry.sock'))
        ? `another quickstart is kept; end it first: hack/quickstart --end ${other}`
        : `a quickstart of ${other}, which is not there any more, has left the link ${this.bridge}; 'ip link delete ${this.bridge}' removes it`,
    );
  }

  /** Starts it, in a session of its own so that it can be left running, and waits for its first answer. */
  async start(): Promise<void> {
    const log = openSync(join(this.directory, 'log'), 'a');
    const child = spawn(gantry, this.arguments, { stdio: ['ignore', log, log], detached: true });
    child.unref();
    this.#child = child;
    writeFileSync(this.#pidFile, String(child.pid));
    for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
      const version = await this.cri.call('Version', {}, 1000).catch(() => undefined);
      if (version !== undefined) return;
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`the server did not start:\n${this.#log()}`);
    }
  }

  /** Of the server that was started last on this directory, by whomever; undefined when it has ended. */
  runningPid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#pidFile, 'utf8'));
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.socket) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  get #pidFile(): string {
    return join(this.directory, 'pid');
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

  /** What is there for all pods and outlives each: the bridge, the cgroup above them; and the quickstart's directory. */
  async removeTraces(): Promise<void> {
    await native().linkDelete(this.bridge);
    const parents = ['/sys/fs/cgroup', '-maxdepth', '2', '-name', 'gantry-quickstart', '-type', 'd'];
    spawnSync('find', [...parents, '-exec', 'rmdir', '{}', ';']);
    rmSync(this.directory, { recursive: true });
  }

  #log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8').split('\n').slice(-20).join('\n');
  }
}

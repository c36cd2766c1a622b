/** A pod directory, a real gantry-stage1 on it, and everything cleaned up afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeExecutable } from '../../../src/base/index.ts';
import { type AppState, Control, type ExecExit, openStream, type Response, readAll } from './control.ts';

export interface AppOptions {
  readonly args: readonly string[];
  readonly terminal?: boolean;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly log?: Record<string, unknown>;
  readonly stopSignal?: number;
  readonly resources?: Record<string, unknown>;
  readonly mounts?: readonly Record<string, unknown>[];
  readonly cgroupsPath?: string;
  readonly hooks?: Record<string, unknown>;
  /** Members of app.json over what is made here. */
  readonly manifest?: Record<string, unknown>;
}

export interface PodOptions {
  readonly rootfs: string;
  readonly manifest?: Record<string, unknown>;
  /** Before launch: apps for `apps`, say. */
  readonly prepare?: (pod: TestPod) => void;
  /** Do not wait for PodReady. */
  readonly unready?: boolean;
  /** What to start it with in place of the executable itself (`unshare …`). */
  readonly prefix?: readonly string[];
}

export const second = 1_000_000_000n;

const environment = ['PATH=/bin', 'HOME=/'];

export function newId(): string {
  return randomBytes(32).toString('hex');
}

export class TestPod {
  readonly id = newId();
  readonly directory = mkdtempSync(join(tmpdir(), 'keeper-pod-'));
  readonly rootfs: string;
  readonly parent = `/keeper-test-${randomBytes(4).toString('hex')}`;
  readonly socketPath = join(this.directory, 'ctl');
  readonly exited: Promise<number | null>;
  #process: ChildProcess | undefined;
  #control: Control | undefined;
  #resolveExit: (code: number | null) => void = () => {};
  stderr = '';

  private constructor(rootfs: string) {
    this.rootfs = rootfs;
    this.exited = new Promise((resolve) => {
      this.#resolveExit = resolve;
    });
  }

  static async start(options: PodOptions): Promise<TestPod> {
    const pod = new TestPod(options.rootfs);
    writeFileSync(
      join(pod.directory, 'pod.json'),
      JSON.stringify({ ...pod.#manifest(), ...options.manifest }),
    );
    options.prepare?.(pod);
    pod.#launch(options.prefix ?? []);
    if (!options.unready) await pod.control.event((event) => event.podReady);
    return pod;
  }

  get control(): Control {
    if (this.#control === undefined) throw new Error('not launched');
    return this.#control;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  appDirectory(id: string): string {
    return join(this.directory, 'apps', id);
  }

  logPath(id: string): string {
    return join(this.directory, `${id}.log`);
  }

  /** The content of an app's log, without times: [stream, tag, line]. */
  logLines(id: string): [string, string, string][] {
    return readFileSync(this.logPath(id), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) (.*)$/s.exec(line);
        if (match === null) throw new Error(`no line of a log: ${line}`);
        return [match[1] ?? '', match[2] ?? '', match[3] ?? ''];
      });
  }

  writeApp(options: AppOptions, id = newId()): string {
    mkdirSync(this.appDirectory(id), { recursive: true });
    const app = {
      contractVersion: 1,
      id,
      name: id.slice(0, 8),
      rootfs: { kind: 'directory', path: this.rootfs },
      stdin: options.stdin ?? false,
      stdinOnce: options.stdinOnce ?? false,
      log: options.log ?? { kind: 'cri', path: this.logPath(id) },
      stopSignal: options.stopSignal ?? 15,
      pid: 'app',
      after: [],
      probes: [],
      ...options.manifest,
    };
    writeFileSync(join(this.appDirectory(id), 'app.json'), JSON.stringify(app));
    writeFileSync(join(this.appDirectory(id), 'config.json'), JSON.stringify(this.#spec(id, options)));
    return id;
  }

  async create(id: string): Promise<number> {
    return (await this.control.request({ create: { appId: id } })).created?.pid ?? 0;
  }

  /** Create, Continue, Start. */
  async run(options: AppOptions, id = newId()): Promise<string> {
    this.writeApp(options, id);
    await this.create(id);
    await this.control.request({ continue: { appId: id } });
    await this.control.request({ start: { appId: id } });
    return id;
  }

  exitOf(id: string, timeout?: number): Promise<AppState> {
    return this.control.event(
      (event) => (event.appExited?.app.appId === id ? event.appExited.app : undefined),
      timeout,
    );
  }

  async runToEnd(options: AppOptions): Promise<AppState> {
    return this.exitOf(await this.run(options));
  }

  stop(id: string, grace: bigint, signal = 0): Promise<Response> {
    return this.control.request({ stop: { appId: id, grace: grace.toString(), signal } });
  }

  async state(id: string): Promise<AppState | undefined> {
    const { state } = await this.control.request({ getState: {} });
    return state?.apps.find((app) => app.appId === id);
  }

  attach(id: string, stream: 'STDIN' | 'STDOUT' | 'STDERR'): Promise<Socket> {
    return openStream(this.socketPath, { appId: id, stream });
  }

  /** Runs a process in an app and gathers its output; `input`: with stdin, fed this. */
  async exec(
    id: string,
    args: readonly string[],
    options: { timeout?: bigint; input?: string; terminal?: boolean } = {},
  ): Promise<{ exit: ExecExit; stdout: string; stderr: string }> {
    const execId = newId();
    const streams = ['STDOUT'];
    if (!options.terminal) streams.push('STDERR');
    const out = openStream(this.socketPath, { appId: id, execId, stream: 'STDOUT' });
    const err = options.terminal
      ? undefined
      : openStream(this.socketPath, { appId: id, execId, stream: 'STDERR' });
    if (options.input !== undefined) {
      streams.push('STDIN');
      const input = await openStream(this.socketPath, { appId: id, execId, stream: 'STDIN' });
      input.end(options.input);
    }
    const outputs = Promise.all([out.then(readAll), err?.then(readAll)]);
    outputs.catch(() => {});
    await this.startExec(id, execId, args, { ...options, streams });
    const exit = await this.execExit(execId);
    const [stdout, stderr] = await outputs;
    return { exit, stdout: stdout.toString(), stderr: stderr?.toString() ?? '' };
  }

  async startExec(
    id: string,
    execId: string,
    args: readonly string[],
    options: { timeout?: bigint; terminal?: boolean; streams?: readonly string[]; notAfter?: string } = {},
  ): Promise<number> {
    const process = {
      terminal: options.terminal ?? false,
      user: { uid: 0, gid: 0 },
      args,
      env: environment,
      cwd: '/',
    };
    const { execStarted } = await this.control.request({
      exec: {
        appId: id,
        execId,
        processJson: Buffer.from(JSON.stringify(process)),
        timeout: (options.timeout ?? 0n).toString(),
        streams: options.streams ?? [],
        notAfter: options.notAfter ?? '0',
      },
    });
    return execStarted?.pid ?? 0;
  }

  execExit(execId: string, timeout?: number): Promise<ExecExit> {
    return this.control.event(
      (event) => (event.execExited?.execId === execId ? event.execExited : undefined),
      timeout,
    );
  }

  warnings(): string[] {
    return this.control.events.flatMap((event) => (event.warning ? [event.warning.message] : []));
  }

  /** Directories of the app's cgroup that exist, in every hierarchy. */
  cgroups(id: string): string[] {
    return cgroupMounts()
      .map((mount) => join(mount, this.parent, id))
      .filter((path) => existsSync(path));
  }

  /** Whether the executable is the sanitizer build. */
  isSanitized(): boolean {
    return readFileSync(`/proc/${this.pid}/maps`, 'utf8').includes('libasan');
  }

  openDescriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async close(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      this.control.request({ stopPod: { grace: '0' } }).catch(() => {});
      const timer = setTimeout(() => this.#process?.kill('SIGKILL'), 15_000);
      await this.exited;
      clearTimeout(timer);
    }
    this.control.socket.destroy();
    // A process that was killed just now may be in its cgroup for a moment longer than in /proc.
    await eventually(() => removeCgroups(this.parent));
    rmSync(this.directory, { recursive: true, force: true });
    // What a sanitizer says of an executable that ran to its end by itself.
    if (/Sanitizer|runtime error:/.test(this.stderr)) throw new Error(this.stderr);
  }

  #launch(prefix: readonly string[]): void {
    const [file = '', ...args] = [...prefix, nativeExecutable('gantry-stage1')];
    const lock = openSync(join(this.directory, 'lock'), 'w', 0o600);
    const descriptors = ['--control-fd', '3', '--lock-fd', '4'];
    this.#process = spawn(file, [...args, 'run', '--pod-dir', this.directory, ...descriptors], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', lock],
    });
    closeSync(lock);
    this.#process.stderr?.on('data', (text: Buffer) => {
      this.stderr += text.toString();
    });
    this.#process.once('exit', (code) => this.#resolveExit(code));
    this.#control = new Control(this.#process.stdio[3] as Socket);
  }

  #manifest(): Record<string, unknown> {
    return {
      contractVersion: 1,
      id: this.id,
      owner: 'cri',
      flavor: 'namespaces',
      controlSocket: this.socketPath,
      hostname: 'keeper-test',
      namespaces: { ipc: 'pod', uts: 'pod', pid: 'app' },
      cgroup: { driver: 'cgroupfs', path: `${this.parent}/${this.id}` },
      sysctls: {},
      shmSize: 1 << 20,
      apps: [],
    };
  }

  #spec(id: string, options: AppOptions): Record<string, unknown> {
    return {
      ociVersion: '1.3.0',
      process: {
        terminal: options.terminal ?? false,
        user: { uid: 0, gid: 0 },
        args: options.args,
        env: environment,
        cwd: '/',
      },
      root: { path: 'rootfs', readonly: false },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        {
          destination: '/dev',
          type: 'tmpfs',
          source: 'tmpfs',
          options: ['nosuid', 'mode=755', 'size=65536k'],
        },
        {
          destination: '/dev/pts',
          type: 'devpts',
          source: 'devpts',
          options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
        },
        ...(options.mounts ?? []),
      ],
      hooks: options.hooks ?? {},
      annotations: { about: 'tests' },
      linux: {
        cgroupsPath: options.cgroupsPath ?? `${this.parent}/${id}`,
        resources: options.resources ?? {},
        namespaces: [{ type: 'pid' }, { type: 'mount' }],
      },
    };
  }
}

export function cgroupMounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
}

function removeCgroups(path: string): void {
  const remove = (directory: string): void => {
    if (!existsSync(directory)) return;
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) remove(join(directory, entry.name));
    }
    rmdirSync(directory);
  };
  for (const mount of cgroupMounts()) remove(join(mount, path));
}

/** Tries until it does not throw; the last error after `timeout` milliseconds. */
export async function eventually<T>(attempt: () => T | Promise<T>, timeout = 5_000): Promise<T> {
  for (const end = Date.now() + timeout; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The parent's side of a test host; see host-process.ts. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native, newId } from '../../base/index.ts';
import type { NetworkConfig, NetworkRecord, NetworkRequest, NetworkStatus } from '../index.ts';

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface TestPod {
  readonly id: string;
  readonly netns: string;
}

/** A directory with network namespaces in it, and every process that was started in one: all gone after close(). */
export class TestSite {
  readonly directory = mkdtempSync(join(tmpdir(), 'gnt-net-'));
  readonly #children = new Set<ChildProcess>();

  async namespace(name: string): Promise<string> {
    const path = join(this.directory, name);
    await native().netnsCreate(path);
    return path;
  }

  /** Runs a shell script in a namespace; its output, or an exception. */
  sh(netns: string, script: string): string {
    return execFileSync('nsenter', [`--net=${netns}`, 'sh', '-ec', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  spawn(
    netns: string,
    argv: readonly string[],
    stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc')[],
  ): ChildProcess {
    const child = spawn('nsenter', [`--net=${netns}`, ...argv], { stdio });
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
    return child;
  }

  /** A server that answers `NAME saw ADDRESS`, until close(). */
  async serve(
    netns: string,
    protocol: 'tcp' | 'udp',
    host: string,
    port: number,
    name: string,
  ): Promise<void> {
    const argv = [process.execPath, program('peer.ts'), 'serve', protocol, host, String(port), name];
    const child = this.spawn(netns, argv, ['ignore', 'pipe', 'inherit']);
    await new Promise((resolve, reject) => {
      child.stdout?.once('data', resolve);
      child.once('exit', () => reject(new Error(`${name} did not listen`)));
    });
  }

  /** What the other end says; `ownPort` is the UDP client's. */
  ask(netns: string, protocol: 'tcp' | 'udp', host: string, port: number, ownPort = 0): string {
    const argv = [process.execPath, program('peer.ts'), 'ask', protocol, host, String(port), String(ownPort)];
    return execFileSync('nsenter', [`--net=${netns}`, ...argv], { encoding: 'utf8' }).trim();
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const path of this.mounts()) await native().netnsRemove(path);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Namespaces that are still bound. */
  mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path.startsWith(`${this.directory}/`));
  }
}

export class TestHost {
  readonly netns: string;
  readonly config: NetworkConfig;
  readonly #site: TestSite;
  readonly #waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: unknown) => void }
  >();
  #child!: ChildProcess;
  #next = 1;
  /** What a host that died told before. */
  lastAnnounced: NetworkRecord | undefined;

  constructor(site: TestSite, netns: string, config: Partial<NetworkConfig> = {}) {
    this.#site = site;
    this.netns = netns;
    const base = `${netns}.files`;
    this.config = {
      root: join(base, 'root'),
      state: join(base, 'state'),
      cniConfDir: join(base, 'net.d'),
      cniBinDirs: [join(base, 'bin')],
      network: 'builtin',
      builtinSubnet: '10.93.0.0/24,fd00:93::/64',
      builtinBridge: 'gntbr0',
      cniGarbageCollection: false,
      ...config,
    };
    this.start();
  }

  start(): void {
    const argv = [process.execPath, program('host-process.ts'), JSON.stringify(this.config)];
    this.#child = this.#site.spawn(this.netns, argv, ['ignore', 'inherit', 'inherit', 'ipc']);
    this.#child.on('message', (message: Record<string, unknown>) => this.#receive(message));
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the host process died'));
      this.#waiting.clear();
    });
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #receive(message: Record<string, unknown>): void {
    if ('announced' in message) {
      this.lastAnnounced = message['announced'] as NetworkRecord;
      return;
    }
    const waiting = this.#waiting.get(message['id'] as number);
    this.#waiting.delete(message['id'] as number);
    const error = message['error'] as { message: string; code?: string } | undefined;
    if (error) waiting?.reject(Object.assign(new Error(error.message), { code: error.code }));
    else waiting?.resolve(message['value'] as never);
  }

  call<T>(method: string, ...args: unknown[]): Promise<T> {
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.set(id, { resolve: resolve as (value: never) => void, reject });
    this.#child.send({ id, method, args });
    return promise;
  }

  setUp(request: NetworkRequest): Promise<NetworkRecord> {
    return this.call('setUp', request);
  }
  tearDown(record: NetworkRecord): Promise<void> {
    return this.call('tearDown', record);
  }
  status(): Promise<NetworkStatus> {
    return this.call('status');
  }

  async pod(name: string): Promise<TestPod> {
    return { id: newId(), netns: await this.#site.namespace(`${name}-${newId().slice(0, 6)}`) };
  }
}

/** A request with everything that a test does not care about filled in. */
export function requestFor(pod: TestPod, changes: Partial<NetworkRequest> = {}): NetworkRequest {
  return {
    podId: pod.id,
    podName: 'web',
    podNamespace: 'default',
    podUid: 'uid-1',
    netnsPath: pod.netns,
    portMappings: [],
    dns: { servers: [], searches: [], options: [] },
    labels: {},
    annotations: {},
    cgroupParent: '',
    ...changes,
  };
}

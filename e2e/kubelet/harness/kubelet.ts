import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { patience, programs } from '../../harness/index.ts';
import { freePort } from '../../images/index.ts';
import { KubeletApi } from './api.ts';
import {
  type KubeletConfig,
  type KubeletPlaces,
  kubeletConfig,
  rootDirectory,
  staticPods,
} from './config.ts';
import { nodeIp } from './host.ts';
import type { PodManifest } from './types.ts';

/** Under which the kubelet registers, and which ends static pods' names. */
export const nodeName = 'e2e-node';

export interface KubeletOptions extends Omit<KubeletPlaces, 'port' | 'healthzPort'> {
  readonly config: KubeletConfig;
  /** With it the kubelet registers at an API server; without, it is standalone. */
  readonly kubeconfig?: string | undefined;
  readonly flags?: readonly string[] | undefined;
}

/** The real kubelet; tests start it, kill it and start it again on the same directory and port. */
export class Kubelet {
  readonly api: KubeletApi;
  readonly #options: KubeletOptions;
  readonly #places: KubeletPlaces;
  #child: ChildProcess | undefined;

  private constructor(options: KubeletOptions, places: KubeletPlaces) {
    this.#options = options;
    this.#places = places;
    this.api = new KubeletApi(places.port);
    mkdirSync(staticPods(places.directory), { recursive: true });
  }

  /** Its directories and ports; nothing is started yet. */
  static async create(options: KubeletOptions): Promise<Kubelet> {
    return new Kubelet(options, { ...options, port: await freePort(), healthzPort: await freePort() });
  }

  get logFile(): string {
    return join(this.#places.directory, 'log');
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Below it: `pods/<uid>/volumes`, `seccomp`. */
  get rootDirectory(): string {
    return rootDirectory(this.#places.directory);
  }

  get port(): number {
    return this.#places.port;
  }

  get pid(): number {
    if (this.#child?.pid === undefined || !this.isRunning) throw new Error('the kubelet is not running');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and waits until it is healthy, 60 s at most. `config` replaces the one it was made with. */
  async start(config: KubeletConfig = this.#options.config): Promise<void> {
    const { directory } = this.#places;
    const file = join(directory, 'config.json');
    writeFileSync(file, JSON.stringify(kubeletConfig(this.#places, config), null, 2));
    const log = openSync(this.logFile, 'a');
    const child = spawn(join(programs.tools, 'kubelet'), this.#arguments(file), {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    await this.#untilHealthy(child);
  }

  #arguments(file: string): string[] {
    const { directory } = this.#places;
    const { kubeconfig, flags = [] } = this.#options;
    return [
      `--config=${file}`,
      `--root-dir=${this.rootDirectory}`,
      `--cert-dir=${join(directory, 'pki')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${nodeIp}`,
      ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
      ...flags,
    ];
  }

  async #untilHealthy(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + 60_000 * patience;
    // Its API listens a moment later than its health does.
    const answers = (): Promise<boolean> => this.api.pods().then(Boolean, () => false);
    while (!((await this.api.isHealthy()) && (await answers()))) {
      const ended = child.exitCode ?? child.signalCode;
      if (ended !== null) throw new Error(`the kubelet ended with ${ended}:\n${this.#lastLines()}`);
      if (Date.now() > deadline) throw new Error(`the kubelet is not healthy:\n${this.#lastLines()}`);
      await sleep(50);
    }
  }

  #lastLines(): string {
    return this.log.split('\n').slice(-40).join('\n');
  }

  /** Its pods go on. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.kill(signal);
    await ended;
    clearTimeout(timer);
  }

  async restart(config?: KubeletConfig): Promise<void> {
    await this.stop();
    await this.start(config);
  }

  /** A static pod's file appears whole; its name in the cluster is `<name>-e2e-node`. */
  putStaticPod(pod: PodManifest): void {
    const file = this.#manifest(pod.metadata.name);
    const part = join(this.#places.directory, 'part');
    writeFileSync(part, JSON.stringify(pod));
    renameSync(part, file);
  }

  removeStaticPod(name: string): void {
    rmSync(this.#manifest(name), { force: true });
  }

  staticPodNames(): readonly string[] {
    const files = readdirSync(staticPods(this.#places.directory));
    return files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  }

  #manifest(name: string): string {
    return join(staticPods(this.#places.directory), `${name}.json`);
  }
}

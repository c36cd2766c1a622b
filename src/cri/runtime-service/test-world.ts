/** For the tests beside it: a server's parts on directories of their own, a real image, and calls as the kubelet makes them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { native } from '../../base/index.ts';
import { defaultConfig, type ServerConfig } from '../../config/index.ts';
import {
  type ContainerConfigInit,
  complete,
  type MessageInits,
  type MessageName,
  type Messages,
  type MountInit,
  type PodSandboxConfigInit,
} from '../../cri-types/index.ts';
import type { Call, Rpc, Services } from '../context.ts';
import { createServices } from '../services.ts';
import { createContainer } from './create-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { startContainer } from './start-container.ts';
import { busyboxArchive, imageArchive, type TestImage } from './test-images.ts';

/** Also the parent of every cgroup that these tests make. */
const PREFIX = 'gantry-pod-test';
export const IMAGE = 'localhost/busybox:test';

const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination({ fd: 2, sync: true }));

export class World {
  readonly directory: string;
  readonly config: ServerConfig;
  readonly cgroupParent: string;
  services: Services;
  #serial = 0;
  readonly #ids = new Set<string>();

  private constructor(directory: string, config: ServerConfig, services: Services) {
    this.directory = directory;
    this.config = config;
    this.services = services;
    this.cgroupParent = `/${PREFIX}-${process.pid}`;
  }

  static async open(options: Partial<ServerConfig> = {}): Promise<World> {
    const directory = mkdtempSync(`/tmp/${PREFIX}-`);
    const config: ServerConfig = {
      ...defaultConfig,
      root: join(directory, 'root'),
      state: join(directory, 'state'),
      cniConfDir: join(directory, 'cni'),
      registriesDir: join(directory, 'registries'),
      ...options,
    };
    const services = await createServices(config, log);
    await services.images.importArchive(busyboxArchive(directory, IMAGE), AbortSignal.timeout(60_000));
    const world = new World(directory, config, services);
    world.#noteIds();
    return world;
  }

  /** What a restarted server does: lets go of everything, reads everything. */
  async restart(between: () => void | Promise<void> = () => {}): Promise<void> {
    await this.services.close();
    await between();
    this.services = await createServices(this.config, log);
    this.#noteIds();
    await this.services.life.settled;
  }

  /** The same without waiting for what start-up leaves to the background. */
  async reopen(): Promise<void> {
    await this.services.close();
    this.services = await createServices(this.config, log);
    this.#noteIds();
  }

  /** Every pod that is begun, also those that fail: other tests make namespaces at the same time. */
  #noteIds(): void {
    const { pods } = this.services;
    const add = pods.addSandbox.bind(pods);
    pods.addSandbox = (sandbox) => {
      this.#ids.add(sandbox.id);
      add(sandbox);
    };
  }

  async close(): Promise<void> {
    for (const { id } of this.services.pods.sandboxes()) {
      await this.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: id });
    }
    await this.services.life.settled;
    await this.services.close();
    // The store keeps a layer mounted for a while after its last container; this one has nobody to come back to it.
    for (const line of mounts()) {
      const target = line.split(' ')[4] ?? '';
      if (target.startsWith(`${this.directory}/`)) await native().unmount(target);
    }
    rmSync(this.directory, { recursive: true, force: true });
    for (const path of this.cgroups().toReversed()) execFileSync('rmdir', [path]);
  }

  /** One RPC, its request as short as may be. */
  call<N extends MessageName, R>(
    rpc: Rpc<Messages[N], R>,
    name: N,
    request: MessageInits[N],
    signal = AbortSignal.timeout(60_000),
  ): Promise<R> {
    const call: Call = { signal, log };
    return rpc(this.services, complete(name, request), call);
  }

  /** On the host's network, for it is the quickest; logs below the test's directory. */
  sandboxConfig(init: PodSandboxConfigInit = {}): PodSandboxConfigInit {
    const serial = this.#serial++;
    return {
      metadata: { name: `pod-${serial}`, namespace: 'test', uid: `uid-${serial}`, attempt: 0 },
      logDirectory: join(this.directory, 'logs', `pod-${serial}`),
      ...init,
      linux: {
        cgroupParent: this.cgroupParent,
        securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' } },
        ...init.linux,
      },
    };
  }

  containerConfig(command: readonly string[], init: ContainerConfigInit = {}): ContainerConfigInit {
    const name = `c-${this.#serial++}`;
    return {
      metadata: { name, attempt: 0 },
      image: { image: IMAGE },
      command,
      logPath: `${name}.log`,
      linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' } } },
      ...init,
    };
  }

  /** One more image, of trees that `build` makes, lowest first. */
  async addImage(image: TestImage): Promise<void> {
    const archive = imageArchive(this.directory, image);
    await this.services.images.importArchive(archive, AbortSignal.timeout(60_000));
  }

  /** A mount that shows the test image, or a part of it. */
  imageVolume(imageSubPath = ''): MountInit {
    return { containerPath: `/image/${imageSubPath}`, readonly: true, image: { image: IMAGE }, imageSubPath };
  }

  /** Containers that use layers: one that is no more must not be among them. */
  layerUsers(): string[] {
    return readdirSync(join(this.config.state, 'layer-users')).map((name) => name.replace('.json', ''));
  }

  async runPod(init: PodSandboxConfigInit = {}): Promise<string> {
    const config = this.sandboxConfig(init);
    return (await this.call(runPodSandbox, 'RunPodSandboxRequest', { config })).podSandboxId;
  }

  async create(
    podSandboxId: string,
    command: readonly string[],
    init?: ContainerConfigInit,
  ): Promise<string> {
    const config = this.containerConfig(command, init);
    const { pods } = this.services;
    const sandboxConfig = pods.requireSandbox(podSandboxId).config;
    const request = { podSandboxId, config, sandboxConfig };
    return (await this.call(createContainer, 'CreateContainerRequest', request)).containerId;
  }

  async start(podSandboxId: string, command: readonly string[], init?: ContainerConfigInit): Promise<string> {
    const containerId = await this.create(podSandboxId, command, init);
    await this.call(startContainer, 'StartContainerRequest', { containerId });
    return containerId;
  }

  log(containerId: string): string {
    return readFileSync(this.services.pods.requireContainer(containerId).logPath, 'utf8');
  }

  /** All that this world has on the host right now, sorted: a mount, namespace, cgroup, process, directory a line. */
  leftovers(): string[] {
    const below = (directory: string): string[] =>
      (existsSync(directory) ? readdirSync(directory) : []).map((name) => `${directory}/${name}`);
    return [
      // A layer stays mounted for a while after its last user: the image store's, not a pod's.
      ...mounts().filter(
        (line) => line.includes(this.directory) && !line.includes(`${this.config.state}/layers/`),
      ),
      ...below('/run/netns').filter((path) => [...this.#ids].some((id) => path.includes(id))),
      ...this.cgroups()
        .slice(1)
        .filter((path) => !path.endsWith(this.cgroupParent)),
      ...below(join(this.config.root, 'pods')),
      ...below(join(this.config.state, 'pods')),
      ...processes(this.directory),
    ].sort();
  }

  /** Directories of this world's cgroups in every hierarchy, parents first. */
  cgroups(): string[] {
    // Others' cgroups may go while it looks, which it says by its exit code.
    const found = spawnSync('find', ['/sys/fs/cgroup', '-path', `*${this.cgroupParent}*`, '-type', 'd']);
    return found.stdout
      .toString()
      .trim()
      .split('\n')
      .filter((path) => path !== '')
      .sort();
  }
}

/** Pids of stage1s that were started for a directory below `directory`. */
export function processes(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes('gantry-stage1') && command.includes(directory) ? [`process ${pid}`] : [];
      } catch {
        return [];
      }
    });
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
}

export async function eventually(condition: () => boolean, milliseconds = 10_000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > deadline)
      throw new Error(`not within ${milliseconds} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupDriver, eventually, pull, shellImage, World, type WorldOptions } from '../../harness/index.ts';
import type { Registry } from '../../images/index.ts';
import type { KubeletConfig } from './config.ts';
import { ControlPlane } from './control-plane.ts';
import { prepareHost } from './host.ts';
import { agnhostImage, startKubeletRegistry } from './images.ts';
import { Kubelet } from './kubelet.ts';
import type { Pod } from './types.ts';

export interface KubeletNodeOptions {
  /** The second number of the pods' addresses, 10.N.0.0/16: of one test file its own. */
  readonly subnet: number;
  /** Over the harness' KubeletConfiguration. */
  readonly config?: KubeletConfig;
  readonly kubeletFlags?: readonly string[];
  /** With etcd and an API server at which the kubelet registers, with its own `featureGates`; without, it is standalone. */
  readonly controlPlane?: boolean;
  readonly server?: WorldOptions['server'];
  /** Pulled before the kubelet starts; the shell's and agnhost's where nothing is said. */
  readonly images?: readonly string[];
}

/** A node: Gantry, the real kubelet on it, and the control plane if asked for. Of one test file its own. */
export class KubeletNode {
  readonly world: World;
  readonly kubelet: Kubelet;
  readonly images: Registry;
  readonly #controlPlane: ControlPlane | undefined;

  private constructor(parts: {
    world: World;
    kubelet: Kubelet;
    images: Registry;
    controlPlane: ControlPlane | undefined;
  }) {
    this.world = parts.world;
    this.kubelet = parts.kubelet;
    this.images = parts.images;
    this.#controlPlane = parts.controlPlane;
  }

  /** Everything runs and answers when this returns; with a control plane, the node is Ready. */
  static async create(options: KubeletNodeOptions): Promise<KubeletNode> {
    prepareHost();
    const { subnet, server = {} } = options;
    const world = await World.create({ subnet, server });
    const undo: (() => Promise<void>)[] = [() => world.dispose()];
    try {
      const images = await startKubeletRegistry(
        join(world.directory, 'images'),
        join(world.directory, 'hosts'),
      );
      undo.unshift(() => images.stop());
      const controlPlane =
        options.controlPlane === true
          ? await ControlPlane.start(join(world.directory, 'cp'), options.config?.['featureGates'] as object)
          : undefined;
      undo.unshift(async () => await controlPlane?.stop());
      makeCgroups(world.cgroupParent);
      const kubelet = await Kubelet.create({
        directory: join(world.directory, 'k'),
        socket: world.gantry.socket,
        cgroupRoot: kubeletRoot(world),
        podLogs: world.logs,
        config: options.config ?? {},
        kubeconfig: controlPlane?.kubeconfig,
        flags: options.kubeletFlags,
      });
      undo.unshift(() => kubelet.stop());
      await Promise.all((options.images ?? [shellImage, agnhostImage]).map((image) => pull(world, image)));
      await kubelet.start();
      await controlPlane?.nodeReady();
      return new KubeletNode({ world, kubelet, images, controlPlane });
    } catch (error) {
      for (const step of undo) await step().catch(() => undefined);
      throw error;
    }
  }

  get controlPlane(): ControlPlane {
    if (this.#controlPlane === undefined) throw new Error('made without a control plane');
    return this.#controlPlane;
  }

  /** The pods' cgroup of one v1 hierarchy, or of the only one; the pods' own are found below it. */
  cgroup(controller: string): string {
    return join(hierarchy(controller), this.world.cgroupParent);
  }

  /** Directories below the kubelet's cgroup whose name ends so, in one hierarchy: a container's by its id. */
  findCgroup(controller: string, end: string): string {
    // A scope, or a slice, whose name's dashes are its levels.
    const names = [end, `${end}.scope`, `${end.replaceAll('-', '_')}.slice`];
    const path = names.flatMap((name) => find(this.cgroup(controller), `*${name}`))[0];
    if (path === undefined) throw new Error(`no cgroup of ${controller} ends with ${end}`);
    return path;
  }

  /** The cgroup of a QoS class ('' of the guaranteed pods), whose own are below it. */
  qosCgroup(controller: string, qos: '' | 'besteffort' | 'burstable'): string {
    const root = this.cgroup(controller);
    if (cgroupDriver === 'cgroupfs') return join(root, 'kubepods', qos);
    const slice = `${kubeletRoot(this.world).slice(1)}-kubepods`;
    return join(root, `${slice}.slice`, qos === '' ? '' : `${slice}-${qos}.slice`);
  }

  /** Where the kubelet keeps the pod's volumes and what its containers share. */
  podDirectory(pod: Pod): string {
    return join(this.kubelet.rootDirectory, 'pods', pod.metadata.uid);
  }

  /**
   * Removes every static pod, waits until the kubelet has tidied up after its pods, ends it, and says what is still on
   * the host or in the server's directories. To be asked when the pods of an API server, if any, were deleted.
   */
  async leftovers(): Promise<string[]> {
    await this.removeStaticPods();
    const root = this.kubelet.rootDirectory;
    const volumes = join(root, 'pods');
    const left = (): string[] => [...readdirSync(volumes), ...this.#podCgroups()];
    const lines = await eventually(left, (names) => names.length === 0, 30).catch(() => left());
    await this.kubelet.stop();
    await this.world.removeEverything();
    removeCgroups(this.world.cgroupParent, ['burstable', 'besteffort', 'kubepods']);
    // The kubelet makes its root shared by a mount on itself, and leaves that.
    spawnSync('umount', [root]);
    const found = await this.world.leftovers();
    // The kubelet names every pod's cgroup: the runtime's default one is of another's pods.
    const own = found.filter((line) => !/^cgroup: .*\/gantry\//.test(line));
    return [...lines.map((name) => `the kubelet's: ${name}`), ...own];
  }

  #podCgroups(): string[] {
    const root = this.cgroup('memory');
    return cgroupDriver === 'cgroupfs' ? find(root, 'pod*') : find(root, '*-pod*.slice');
  }

  async removeStaticPods(): Promise<void> {
    for (const name of this.kubelet.staticPodNames()) this.kubelet.removeStaticPod(name);
    const pods = async (): Promise<number> =>
      (await this.world.cri.call('ListPodSandbox', { filter: { state: { state: 'SANDBOX_READY' } } })).items
        .length;
    await eventually(pods, (count) => count === 0, 40);
  }

  /** Ends everything, and leaves nothing; does not look for leaks. */
  async dispose(): Promise<void> {
    await this.kubelet.stop();
    await this.#controlPlane?.stop();
    await this.world.removeEverything().catch(() => undefined);
    await this.images.stop();
    await this.world.dispose();
  }
}

const hierarchies = '/sys/fs/cgroup';

function hierarchy(controller: string): string {
  const v1 = join(hierarchies, controller);
  return existsSync(v1) ? v1 : hierarchies;
}

/** As the kubelet's configuration has it, whatever the driver: `/name` is `name.slice`. */
function kubeletRoot(world: World): string {
  return cgroupDriver === 'systemd' ? `/${world.cgroupParent.replace(/\.slice$/, '')}` : world.cgroupParent;
}

/** The kubelet wants its root in every hierarchy; a new cpuset holds nothing until it is told what it may use. */
function makeCgroups(name: string): void {
  if (cgroupDriver === 'systemd') {
    // The kubelet wants every controller in its root. systemd hands down those that its units have limits of, whenever it looks
    // at them again; of huge pages it knows nothing.
    const cpus = readFileSync(join(hierarchies, 'cpuset.cpus.effective'), 'utf8').trim();
    for (const slice of [name, name.replace(/\.slice$/, '-kubepods.slice')]) {
      execFileSync('systemctl', ['start', slice]);
      execFileSync('systemctl', ['set-property', '--runtime', slice, `AllowedCPUs=${cpus}`]);
    }
    for (const directory of [hierarchies, join(hierarchies, name)]) {
      const offered = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').split(/\s/);
      if (offered.includes('hugetlb')) writeFileSync(join(directory, 'cgroup.subtree_control'), '+hugetlb');
    }
    return;
  }
  const roots = existsSync(join(hierarchies, 'cgroup.controllers'))
    ? [hierarchies]
    : readdirSync(hierarchies).map((n) => join(hierarchies, n));
  for (const root of roots) mkdirSync(join(root, name), { recursive: true });
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const root = join(hierarchies, 'cpuset');
    if (existsSync(join(root, file))) writeFileSync(join(root, name, file), readFileSync(join(root, file)));
  }
}

/** Directories by their names, as find(1) takes them; others come and go meanwhile, which must not matter. */
function find(directory: string, name: string): string[] {
  const { stdout } = spawnSync('find', [directory, '-mindepth', '1', '-type', 'd', '-name', name], {
    encoding: 'utf8',
  });
  return stdout.split('\n').filter(Boolean);
}

/** Those below `name` in every hierarchy that are called so, deepest first, if they are empty. */
function removeCgroups(name: string, called: readonly string[]): void {
  if (cgroupDriver === 'systemd') {
    execFileSync('systemctl', ['stop', name]);
    return;
  }
  const named = called.flatMap((one) => ['-o', '-name', one]).slice(1);
  const test = ['-path', `*${name}/*`, '-type', 'd', '(', ...named, ')'];
  spawnSync('find', [hierarchies, '-depth', ...test, '-exec', 'rmdir', '{}', ';']);
}

/** The output of a program on the host, for looking at what the kubelet and the runtime made. */
export function onHost(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

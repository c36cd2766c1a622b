import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CriClient } from '../../hack/cri-client.ts';
import { imageStorage, type Registry, startRegistry, writeHosts } from '../images/index.ts';
import { writeConflist } from './cni.ts';
import { containerd } from './containerd.ts';
import { Crictl } from './crictl.ts';
import { type Gantry, type GantryOptions, gantry } from './gantry.ts';
import { type HostState, hostState, leaked } from './leaks.ts';
import { purge } from './purge.ts';

export interface WorldOptions {
  readonly network?: 'builtin' | 'cni';
  /** The second number of the pods' addresses, 10.N.0.0/16: of one test file its own. */
  readonly subnet: number;
  readonly server?: Partial<
    Pick<GantryOptions, 'program' | 'root' | 'wrapper' | 'flags' | 'config' | 'serve'>
  >;
  /** containerd instead of Gantry: tests that hold for any CRI server can be tried on the reference. */
  readonly reference?: boolean;
  /** Another world whose CNI network this one's pods join. */
  readonly networkOf?: World;
}

const referenceIsAsked = process.env['GANTRY_E2E_SERVER'] === 'containerd';

/** Where systemd is the init (`e2e/guest/whole systemd` says so) it makes the cgroups. */
export const cgroupDriver = process.env['GANTRY_E2E_CGROUP_DRIVER'] === 'systemd' ? 'systemd' : 'cgroupfs';

/** A registry with the test images, a Gantry server that pulls from it, and the clients: all of one test file's own. */
export class World {
  readonly directory: string;
  readonly registry: Registry;
  readonly gantry: Gantry;
  readonly crictl: Crictl;
  readonly cri: CriClient;
  /** Where pods write their logs. */
  readonly logs: string;
  readonly #bridge: string;
  readonly #before: HostState;

  private constructor(directory: string, registry: Registry, options: WorldOptions, before: HostState) {
    this.directory = directory;
    this.registry = registry;
    this.logs = join(directory, 'logs');
    this.#before = before;
    this.#bridge = `ge-br${options.subnet}`;
    mkdirSync(this.logs);
    this.gantry =
      (options.reference ?? referenceIsAsked)
        ? this.#containerd(options)
        : gantry(this.#serverOptions(options));
    this.crictl = new Crictl(this.gantry.socket);
    this.cri = new CriClient(this.gantry.socket);
  }

  static async create(options: WorldOptions): Promise<World> {
    const before = hostState();
    const directory = mkdtempSync('/tmp/ge-');
    // A pod in a user namespace must be able to walk to its root.
    chmodSync(directory, 0o755);
    const registry = await startRegistry({
      storage: await imageStorage(),
      directory: join(directory, 'registry'),
    });
    writeHosts(join(directory, 'hosts'), registry.url);
    const world = new World(directory, registry, options, before);
    try {
      await world.gantry.daemon.start();
    } catch (error) {
      await world.dispose().catch(() => undefined);
      throw error;
    }
    return world;
  }

  #containerd(options: WorldOptions): Gantry {
    const common = this.#serverOptions({ ...options, network: 'cni' });
    const server = containerd(common);
    return { ...server, root: join(common.directory, 'root'), state: join(common.directory, 'state') };
  }

  #serverOptions(options: WorldOptions): GantryOptions {
    const cniConfDir = options.networkOf?.cniConfDir ?? this.cniConfDir;
    const network = options.network ?? 'builtin';
    const subnet = `10.${options.subnet}.0.0/16`;
    if (network === 'cni' && options.networkOf === undefined) {
      const { reservations } = this;
      writeConflist(cniConfDir, {
        name: this.network,
        bridge: this.#bridge,
        subnet,
        dataDir: dirname(reservations),
      });
    }
    const builtin = `builtin-bridge = "${this.#bridge}"\nbuiltin-subnet = "${subnet}"\n`;
    return {
      directory: join(this.directory, 's'),
      hostsDir: join(this.directory, 'hosts'),
      cniConfDir,
      network,
      ...options.server,
      config: `${builtin}cgroup-driver = "${cgroupDriver}"\n${options.server?.config ?? ''}`,
    };
  }

  /** Under which the pods' cgroups are: of this world alone. */
  get cgroupParent(): string {
    const name = basename(this.directory);
    // A dash in a slice's name is a level.
    return cgroupDriver === 'systemd' ? `${name.replaceAll('-', '_')}.slice` : `/gantry-e2e-${name}`;
  }

  get cniConfDir(): string {
    return join(this.directory, 'cni');
  }

  /** The CNI network's name, which is its bridge's too. */
  get network(): string {
    return this.#bridge;
  }

  /** Where host-local keeps a file an address. */
  get reservations(): string {
    return join(this.directory, 'ipam', this.network);
  }

  /** Removes every pod and image, so that what is still there afterwards was leaked. */
  async removeEverything(): Promise<void> {
    const { items } = await this.cri.call('ListPodSandbox', {});
    for (const pod of items) await this.cri.call('RemovePodSandbox', { podSandboxId: pod.id }, 60_000);
    const { images } = await this.cri.call('ListImages', {});
    for (const image of images) await this.cri.call('RemoveImage', { image: { image: image.id } });
  }

  /** Everything that is on the host, or in the server's directories, and should have gone with the pods and images. */
  async leftovers(): Promise<string[]> {
    let lines: string[] = [];
    // Reaping and lazy unmounts take a moment; a leak stays.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      lines = [
        ...leaked(this.#before, hostState()).filter((line) => !this.#isAllowed(line)),
        ...this.#records(),
      ];
      if (lines.length === 0) return [];
      await sleep(250);
    }
    return lines;
  }

  /** What outlives pods: the bridge (the plug-in's and the built-in one), the tables made for it, the pods' parent cgroup, asked for or default. */
  #isAllowed(line: string): boolean {
    const foreign = process.env['GANTRY_E2E_FOREIGN'];
    if (foreign !== undefined && new RegExp(foreign).test(line)) return true;
    const lasting = [` ${this.#bridge}`, '/gantry', `table inet gantry-${this.#bridge}`];
    // The portmap plug-in's iptables: its chains, and the table that the first rule of anybody made.
    const ofPortmap = line.includes('CNI-HOSTPORT') || /table ip6? nat$/.test(line);
    // Cgroups are the whole host's: only those are looked at that this server may have made.
    const [, cgroup] = /^cgroup: (.*)$/.exec(line) ?? [];
    const isOthers =
      cgroup !== undefined && !cgroup.includes(`${this.cgroupParent}/`) && !/\/gantry\//.test(cgroup);
    return ofPortmap || isOthers || lasting.some((end) => line.endsWith(end));
  }

  #records(): string[] {
    const { root, state } = this.gantry;
    const directories = [
      join(root, 'pods'),
      join(root, 'quarantine'),
      join(state, 'pods'),
      join(state, 'layers'),
    ];
    const files = directories.flatMap((directory) => {
      try {
        return readdirSync(directory).map((name) => join(directory, name));
      } catch {
        return [];
      }
    });
    return files.map((file) => `record: ${file}`);
  }

  /** The server's log, for a failing test's message. */
  get serverLog(): string {
    return readFileSync(join(this.directory, 's', 'log'), 'utf8');
  }

  /** Ends everything, what a failed test left too, and removes the directory; does not look for leaks. */
  async dispose(): Promise<void> {
    if (this.gantry.daemon.isRunning) await this.removeEverything().catch(() => undefined);
    this.cri.close();
    await this.gantry.daemon.stop();
    await this.registry.stop();
    purge(this.directory);
    spawnSync('ip', ['link', 'delete', this.#bridge]);
    spawnSync('nft', ['delete', 'table', 'inet', `gantry-${this.#bridge}`]);
    if (cgroupDriver === 'systemd') spawnSync('systemctl', ['stop', this.cgroupParent]);
    spawnSync('find', [
      '/sys/fs/cgroup',
      '-depth',
      '-type',
      'd',
      '-path',
      `*${this.cgroupParent}*`,
      '-exec',
      'rmdir',
      '{}',
      ';',
    ]);
    if (process.env['GANTRY_E2E_KEEP'] === undefined)
      rmSync(this.directory, { recursive: true, force: true });
  }
}

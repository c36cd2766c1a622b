/** The host's side of one bridge: the link, its addresses, forwarding, packet rules. All of it can be made again at any time. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errno, FileMutex, GantryError, native, type Roots } from '../../base/index.ts';
import { gatewayOf, macFor, networkOf, overlaps, parseRange, type Range } from './address.ts';
import { renderPortsAdded, renderTable, tableName } from './firewall.ts';
import { allowForwarding } from './foreign-firewall.ts';
import { HostPorts, type PortEntry } from './host-ports.ts';
import { Leases, leasesRange } from './leases.ts';
import { isPrepared, prepareHost } from './sysctl.ts';

const STANDARD_MTU = 1500;

/** The host's end of a pod's link; 15 characters are what the kernel takes. */
export function hostLinkName(podId: string): string {
  return `veth${podId.slice(0, 11)}`;
}

export class HostBridge {
  readonly name: string;
  readonly ports: HostPorts;
  /** Guards ports and packet rules against other processes of this root. */
  readonly mutex: FileMutex;
  readonly #owner: string;
  readonly #directory: string;
  /** By range: pods may have addresses of ranges that were in use before. */
  readonly #leases = new Map<string, Leases>();
  #ranges: readonly Range[];
  #ready: Promise<void> | undefined;
  mtu = STANDARD_MTU;

  constructor(roots: Roots, name: string, ranges: readonly Range[]) {
    if (!/^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$/.test(name)) {
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'set up built-in network',
        subject: name,
        message: `${JSON.stringify(name)} is no name for a bridge: a letter, then at most 14 letters, digits, '_', '.', '-'`,
      });
    }
    const directory = join(roots.root, 'network', name);
    this.name = name;
    this.#directory = directory;
    this.ports = new HostPorts(directory);
    this.mutex = new FileMutex(join(directory, 'lock'));
    this.#owner = `gantry ${roots.root}`;
    this.#ranges = ranges;
  }

  /** Where new pods get their addresses from. */
  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** New pods get addresses of these ranges; those of earlier ones stay reachable. */
  useRanges(ranges: readonly Range[]): void {
    this.#ranges = ranges;
    this.#ready = undefined;
  }

  /** The reservations of a range: the present primary one, or the one that an address (with prefix) is of. */
  leases(cidr = this.#ranges[0]?.cidr ?? ''): Leases {
    const range = parseRange(cidr);
    let leases = this.#leases.get(range.cidr);
    if (leases === undefined) {
      leases = new Leases(this.#directory, range);
      this.#leases.set(range.cidr, leases);
    }
    return leases;
  }

  /** Every range that ever had reservations here. */
  allLeases(): Leases[] {
    if (!existsSync(this.#directory)) return [];
    return readdirSync(this.#directory).flatMap((name) => {
      const cidr = leasesRange(name);
      return cidr === undefined ? [] : [this.leases(cidr)];
    });
  }

  /** Lets go; a bridge that no pod of this root uses any more goes with its rules. */
  async close(): Promise<void> {
    const remove = this.allLeases().reduce<() => Promise<void>>(
      (work, leases) => () => leases.whileEmpty(work),
      () => this.mutex.run(() => this.#remove()),
    );
    if (native().linkFind(this.name)?.alias === this.#owner) await remove();
    for (const leases of this.#leases.values()) leases.close();
    this.#leases.clear();
    this.#ready = undefined;
  }

  async #remove(): Promise<void> {
    await native().linkDelete(this.name);
    const table = `inet ${tableName(this.name)}`;
    await native().nft(`add table ${table}\ndelete table ${table}\n`);
  }

  get gateways(): string[] {
    return this.#ranges.map(gatewayOf);
  }

  /** Makes everything once; joined by whoever asks meanwhile. A failure is tried again by the next. */
  ensure(): Promise<void> {
    this.#ready ??= this.#make().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** What ensure() made may have been flushed or deleted by others: looks, and makes it again where it is not whole. */
  async heal(): Promise<void> {
    await this.ensure();
    if (await this.#isWhole()) return;
    this.#ready = undefined;
    await this.ensure();
  }

  async #isWhole(): Promise<boolean> {
    const link = native().linkFind(this.name);
    if (link === undefined || !link.up || !isPrepared(this.name, this.#families())) return false;
    try {
      await native().nft(`list chain inet ${tableName(this.name)} guard`);
      return true;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async #make(): Promise<void> {
    this.#refuseOverlap();
    this.mtu = native().defaultRouteMtu() || STANDARD_MTU;
    await this.#makeLink();
    prepareHost(this.name, this.#families());
    await this.mutex.run(() => this.#replaceRules());
    await allowForwarding(this.name);
  }

  async #makeLink(): Promise<void> {
    const [gateway = ''] = this.gateways;
    try {
      await native().bridgeEnsure({
        name: this.name,
        mac: macFor(gateway),
        alias: this.#owner,
        mtu: this.mtu,
        addresses: this.#ranges.map((range) => `${gatewayOf(range)}/${range.prefix}`),
        ports: this.allLeases().flatMap((leases) => [...leases.all().values()].map(hostLinkName)),
      });
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw error;
      const alias = native().linkFind(this.name)?.alias;
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'set up built-in network',
        subject: this.name,
        message:
          `the link ${this.name} belongs to ${alias ? `"${alias}"` : 'somebody else'}, not to "${this.#owner}"; ` +
          'give this instance a builtin bridge and a builtin subnet of its own',
        cause: error,
      });
    }
  }

  /** A range that the host already has on another link would take that link's traffic away. */
  #refuseOverlap(): void {
    for (const { link, address } of native().addressList()) {
      if (link === this.name || link === 'lo' || /\/(3[12]|12[78])$/.test(address)) continue;
      // Of any size: it is not for pods.
      const taken = networkOf(address);
      const range = this.#ranges.find((one) => taken !== undefined && overlaps(one, taken));
      if (range === undefined) continue;
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'set up built-in network',
        subject: range.cidr,
        message: `the pod range ${range.cidr} overlaps ${address} on ${link}; give this instance another builtin subnet`,
      });
    }
  }

  /** Adds a pod's ports to the rules, or makes them anew where they do not fit what is there. Under the mutex. */
  async addPorts(entry: PortEntry): Promise<void> {
    try {
      await native().nft(renderPortsAdded(this.name, entry));
    } catch {
      await this.#replaceRules();
    }
  }

  /** Makes the rules equal to the files, but for one pod's. Under the mutex. */
  removePorts(podId: string): Promise<void> {
    return this.#replaceRules(podId);
  }

  async #replaceRules(without?: string): Promise<void> {
    const ports = this.ports.all().filter((entry) => entry.podId !== without);
    const state = { bridge: this.name, ranges: this.#rulesRanges(), ports };
    try {
      await native().nft(renderTable(state));
    } catch (error) {
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'write packet rules',
        subject: tableName(this.name),
        message: `the built-in network needs nftables (package libnftables1, kernel with nf_tables and NAT): ${error instanceof Error ? error.message : String(error)}`,
        cause: error,
      });
    }
  }

  /** The ranges in use, and those that the bridge still has addresses of from before. */
  #rulesRanges(): Range[] {
    const ranges = [...this.#ranges];
    for (const { link, address } of native().addressList()) {
      if (link !== this.name || address.startsWith('fe80')) continue;
      const range = networkOf(address);
      if (range !== undefined && !ranges.some((one) => overlaps(one, range))) ranges.push(range);
    }
    return ranges;
  }

  #families(): (4 | 6)[] {
    return this.#ranges.map((range) => range.family);
  }
}

import { join } from 'node:path';
import { describeError, errno, GantryError, native, paths } from '../../base/index.ts';
import type { NetworkProvider } from '../provider.ts';
import type {
  NetworkConfig,
  NetworkDeps,
  NetworkRecord,
  NetworkRequest,
  NetworkStatus,
  PortMapping,
} from '../types.ts';
import { macFor, parseRanges } from './address.ts';
import { HostBridge, hostLinkName } from './host-bridge.ts';
import { effectiveMappings } from './host-ports.ts';

const POD_INTERFACE = 'eth0';

/** NetworkRecord.details of kind 'builtin'. */
interface BuiltinDetails {
  readonly bridge: string;
  /** The host's end of the pod's link. */
  readonly hostName: string;
  /** With prefix, in the order of the record's `ips`. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
}

/** The bridge network that a bare machine has: nothing to install, all in process. */
export class BuiltinNetworkProvider implements NetworkProvider {
  readonly #config: NetworkConfig;
  readonly #deps: NetworkDeps;
  /** By name: a pod of an earlier configuration is torn down on its own bridge. */
  readonly #bridges = new Map<string, HostBridge>();
  #ranges: string;

  constructor(config: NetworkConfig, deps: NetworkDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#ranges = config.builtinSubnet;
    this.#checkSettings();
  }

  /** A server that starts with them would fail each pod. */
  #checkSettings(): void {
    try {
      this.#bridge();
    } catch (cause) {
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'set up built-in network',
        message: 'builtin-bridge or builtin-subnet is wrong',
        cause,
      });
    }
  }

  /** New pods get addresses of these ranges (CRI UpdateRuntimeConfig). */
  useRanges(cidrs: string): void {
    const ranges = parseRanges(cidrs);
    this.#ranges = cidrs;
    this.#bridges.get(this.#config.builtinBridge)?.useRanges(ranges);
  }

  #bridge(name = this.#config.builtinBridge): HostBridge {
    let bridge = this.#bridges.get(name);
    if (bridge === undefined) {
      bridge = new HostBridge(this.#config, name, parseRanges(this.#ranges));
      this.#bridges.set(name, bridge);
    }
    return bridge;
  }

  async setUp(
    request: NetworkRequest,
    announce: (record: NetworkRecord) => void,
    signal: AbortSignal,
  ): Promise<NetworkRecord> {
    const mappings = effectiveMappings(request.portMappings);
    const bridge = this.#bridge();
    await bridge.ensure();
    signal.throwIfAborted();
    const record = await this.#reserve(bridge, request, announce);
    try {
      if (mappings.length > 0)
        await publish(bridge, { ...record, request: { ...request, portMappings: mappings } });
      await connect(bridge, record);
      signal.throwIfAborted();
      return record;
    } catch (error) {
      await this.#undo(record);
      throw error;
    }
  }

  /** Addresses first, then the record: a reservation without a record is found and freed at start-up. */
  async #reserve(
    bridge: HostBridge,
    request: NetworkRequest,
    announce: (record: NetworkRecord) => void,
  ): Promise<NetworkRecord> {
    const ranges = bridge.ranges;
    const gateways = bridge.gateways;
    const ips = await bridge.leases().reserve(ranges, request.podId);
    const details: BuiltinDetails = {
      bridge: bridge.name,
      hostName: hostLinkName(request.podId),
      addresses: ips.map((ip, index) => `${ip}/${ranges[index]?.prefix}`),
      gateways,
    };
    const record: NetworkRecord = { kind: 'builtin', ips, request, details };
    try {
      announce(record);
      return record;
    } catch (error) {
      release(bridge, record);
      throw error;
    }
  }

  async #undo(record: NetworkRecord): Promise<void> {
    try {
      await this.tearDown(record);
    } catch (error) {
      this.#deps.log.warn(
        { pod: record.request.podId, error: describeError(error) },
        'undoing a pod network failed',
      );
    }
  }

  /** The address is free only when nothing can answer under it any more: link, ports, then addresses. */
  async tearDown(record: NetworkRecord): Promise<void> {
    const { bridge: name, hostName } = detailsOf(record);
    const bridge = this.#bridge(name);
    const { podId } = record.request;
    await native().linkDelete(hostName);
    await unpublish(bridge, podId);
    release(bridge, record);
  }

  async status(): Promise<NetworkStatus> {
    const details = { kind: 'builtin', bridge: this.#config.builtinBridge, ranges: this.#ranges };
    try {
      const bridge = this.#bridge();
      await bridge.heal();
      const addressesInUse = bridge.leases().all().size;
      return { ready: true, reason: '', message: '', details: { ...details, addressesInUse } };
    } catch (error) {
      return { ready: false, reason: 'NetworkPluginNotReady', message: describeError(error), details };
    }
  }

  async close(): Promise<void> {
    for (const bridge of this.#bridges.values()) {
      await bridge.close().catch((error: unknown) => {
        this.#deps.log.warn(
          { bridge: bridge.name, error: describeError(error) },
          'closing the built-in network failed',
        );
      });
    }
    this.#bridges.clear();
  }

  /** Frees what this root reserved for pods that are no more; a pod directory's lock says that one is being made. */
  async collectGarbage(live: readonly NetworkRecord[]): Promise<void> {
    const keep = new Set(live.map((record) => record.request.podId));
    const gone = (podId: string): boolean =>
      !keep.has(podId) && !native().lockHeld(join(paths.pod(this.#config, podId), 'lock'));
    const bridge = this.#bridge();
    for (const leases of bridge.allLeases()) {
      for (const [ip, podId] of leases.all()) {
        if (gone(podId)) leases.release(ip, podId);
      }
    }
    for (const { podId } of bridge.ports.all()) {
      if (gone(podId)) await unpublish(bridge, podId);
    }
    if (live.some((record) => record.kind === 'builtin')) await bridge.heal();
  }
}

/** One reservation stands for a pod's addresses in all ranges. */
function release(bridge: HostBridge, record: NetworkRecord): void {
  const [address = ''] = detailsOf(record).addresses;
  bridge.leases(address).release(record.ips[0] ?? '', record.request.podId);
}

function detailsOf(record: NetworkRecord): BuiltinDetails {
  return record.details as BuiltinDetails;
}

async function connect(bridge: HostBridge, record: NetworkRecord): Promise<void> {
  const { hostName, addresses, gateways } = detailsOf(record);
  const link = {
    bridge: bridge.name,
    hostName,
    alias: `gantry pod ${record.request.podId}`,
    netns: record.request.netnsPath,
    podName: POD_INTERFACE,
    mac: macFor(record.ips[0] ?? ''),
    mtu: bridge.mtu,
    addresses,
    gateways,
  };
  try {
    await native().podLinkCreate(link);
  } catch (error) {
    if (errno(error) !== 'ENODEV') throw cannotConnect(record, error);
    // Somebody deleted the bridge.
    await bridge.heal();
    await native().podLinkCreate(link);
  }
}

async function publish(bridge: HostBridge, record: NetworkRecord): Promise<void> {
  const { podId, podName, podNamespace, portMappings } = record.request;
  const entry = { podId, podName: `${podNamespace}/${podName}`, ips: record.ips, mappings: portMappings };
  await bridge.mutex.run(async () => {
    bridge.ports.reserve(entry);
    await bridge.addPorts(entry);
  });
  await forgetFlows(portMappings);
}

async function unpublish(bridge: HostBridge, podId: string): Promise<void> {
  const entry = bridge.ports.of(podId);
  if (entry === undefined) return;
  await bridge.mutex.run(async () => {
    // The file last: as long as it is there, this is tried again.
    await bridge.removePorts(podId);
    bridge.ports.release(podId);
  });
  await forgetFlows(entry.mappings);
}

/** TCP and SCTP begin anew by themselves; a UDP client that never pauses would stay with what it found first. */
async function forgetFlows(mappings: readonly PortMapping[]): Promise<void> {
  const ports = mappings.filter((mapping) => mapping.protocol === 'udp').map((mapping) => mapping.hostPort);
  if (ports.length > 0) await native().udpFlowsForget(ports);
}

function cannotConnect(record: NetworkRecord, cause: unknown): GantryError {
  const { podId } = record.request;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GantryError({
    code: 'internal',
    operation: 'connect pod',
    subject: podId,
    message: `cannot connect pod ${podId} to the built-in network: ${reason}`,
    cause,
  });
}

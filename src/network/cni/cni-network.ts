import { existsSync } from 'node:fs';
import { describeError, errorCode, GantryError } from '../../base/index.ts';
import type { NetworkProvider } from '../provider.ts';
import type { NetworkConfig, NetworkDeps, NetworkRecord, NetworkRequest, NetworkStatus } from '../types.ts';
import { type Attachment, add, type ChainContext, del, gc, POD_INTERFACE, status } from './chain.ts';
import type { CniConfigurationReader, CniNetwork } from './config.ts';
import { findPlugin } from './plugin.ts';
import { pluginsEnded, withPluginLock } from './plugin-lock.ts';
import { podAddresses } from './result.ts';
import { type CapabilityArgs, capabilityArgs, cniArgs } from './runtime-config.ts';
import { StatusProbe } from './status-probe.ts';

/** Tear-down's own deadlines: whatever a caller's was, clean-up is not cut short by it. */
const TEAR_DOWN_TIMEOUT = 60_000;
const PLUGINS_END_TIMEOUT = 20_000;

/** NetworkRecord.details of kind 'cni': the configuration as it was used, for the configuration may change or vanish. */
interface CniDetails {
  readonly network: CniNetwork;
  readonly args: string;
  readonly capabilityArgs: CapabilityArgs;
  /** What ADD returned; absent while it runs. */
  readonly result?: Readonly<Record<string, unknown>>;
}

export class CniNetworkProvider implements NetworkProvider {
  readonly #config: NetworkConfig;
  readonly #deps: NetworkDeps;
  readonly #reader: CniConfigurationReader;
  readonly #podCidrs: () => readonly string[];
  readonly #probe: StatusProbe;

  constructor(
    config: NetworkConfig,
    deps: NetworkDeps,
    reader: CniConfigurationReader,
    podCidrs: () => readonly string[],
  ) {
    this.#config = config;
    this.#deps = deps;
    this.#reader = reader;
    this.#podCidrs = podCidrs;
    this.#probe = new StatusProbe((network, signal) => status(this.#context(network, signal)));
  }

  async setUp(
    request: NetworkRequest,
    announce: (record: NetworkRecord) => void,
    signal: AbortSignal,
  ): Promise<NetworkRecord> {
    const network = this.#requireNetwork();
    this.#requirePlugins(network);
    const refusal = await this.#probe.refusal(network);
    if (refusal !== undefined) throw notReady(`${network.file}: ${refusal}`);
    const details: CniDetails = {
      network,
      args: cniArgs(request),
      capabilityArgs: capabilityArgs(request, this.#podCidrs()),
    };
    const announced: NetworkRecord = { kind: 'cni', ips: [], request, details };
    announce(announced);
    try {
      const result = await withPluginLock(this.#config, request.podId, (lockFd) =>
        add({ ...this.#context(network, signal), lockFd }, attachment(announced, request.netnsPath)),
      );
      const ips = podAddresses(result, POD_INTERFACE);
      // The kubelet replaces a pod without an address for ever, and tells nobody why; containerd refuses as well.
      if (ips.length === 0) throw noAddress(request.podId);
      return {
        kind: 'cni',
        ips,
        request,
        details: { ...details, result } satisfies CniDetails,
      };
    } catch (error) {
      await this.#undo(announced);
      throw inNetwork(error, network);
    }
  }

  /** Section 3 of the specification: a failed ADD is followed by DEL. Its failure is tear-down's business, later. */
  async #undo(record: NetworkRecord): Promise<void> {
    try {
      await this.tearDown(record);
    } catch (error) {
      this.#deps.log.warn(
        { pod: record.request.podId, error: describeError(error) },
        'CNI DEL after a failed ADD',
      );
    }
  }

  async tearDown(record: NetworkRecord): Promise<void> {
    const { network, result } = detailsOf(record);
    const { podId, netnsPath } = record.request;
    await pluginsEnded(this.#config, podId, AbortSignal.timeout(PLUGINS_END_TIMEOUT));
    // No namespace is no reason not to free addresses and rules: the specification has CNI_NETNS empty then.
    const netns = existsSync(netnsPath) ? netnsPath : '';
    const context = this.#context(network, AbortSignal.timeout(TEAR_DOWN_TIMEOUT));
    try {
      await del(context, attachment(record, netns), result);
    } catch (error) {
      throw inNetwork(error, network);
    }
  }

  async status(): Promise<NetworkStatus> {
    const { network, files, problems } = this.#reader.current();
    const details = {
      kind: 'cni',
      confDir: this.#config.cniConfDir,
      binDirs: this.#config.cniBinDirs,
      files,
      problems,
    };
    if (network === undefined) {
      return { ready: false, reason: 'NetworkPluginNotReady', message: this.#missing(problems), details };
    }
    const shown = {
      ...details,
      network: { ...network, plugins: network.plugins.map((plugin) => plugin.type) },
    };
    const refusal = this.#absentPlugin(network) ?? (await this.#probe.quickRefusal(network));
    if (refusal === undefined) return { ready: true, reason: '', message: '', details: shown };
    const message = `Network plugin returns error: ${network.file}: ${refusal}`;
    return { ready: false, reason: 'NetworkPluginNotReady', message, details: shown };
  }

  async collectGarbage(live: readonly NetworkRecord[]): Promise<void> {
    const { network } = this.#reader.current();
    if (!this.#config.cniGarbageCollection || network === undefined) return;
    const valid = live
      .filter((record) => record.kind === 'cni' && detailsOf(record).network.name === network.name)
      .map((record) => record.request.podId);
    await gc(this.#context(network, AbortSignal.timeout(TEAR_DOWN_TIMEOUT)), valid);
  }

  #context(network: CniNetwork, signal: AbortSignal): ChainContext {
    return { network, binDirs: this.#config.cniBinDirs, signal };
  }

  #requireNetwork(): CniNetwork {
    const { network, problems } = this.#reader.current();
    if (network === undefined) throw notReady(this.#missing(problems));
    return network;
  }

  /** Before anything is announced: of a chain that cannot run there is nothing to be undone. */
  #requirePlugins(network: CniNetwork): void {
    try {
      for (const { type } of network.plugins) findPlugin(type, this.#config.cniBinDirs);
    } catch (error) {
      throw inNetwork(error, network);
    }
  }

  #absentPlugin(network: CniNetwork): string | undefined {
    try {
      this.#requirePlugins(network);
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }

  /** Begins as containerd's message does, because people and tools look for it. */
  #missing(problems: readonly string[]): string {
    const found = problems.length > 0 ? `: ${problems.join('; ')}` : '';
    return (
      `Network plugin returns error: cni plugin not initialized: no valid CNI configuration in ` +
      `${this.#config.cniConfDir}${found}; install the cluster's network plug-in`
    );
  }
}

function attachment(record: NetworkRecord, netns: string): Attachment {
  const { args, capabilityArgs: capabilities } = detailsOf(record);
  return { containerId: record.request.podId, netns, args, capabilityArgs: capabilities };
}

function detailsOf(record: NetworkRecord): CniDetails {
  return record.details as CniDetails;
}

function notReady(message: string): GantryError {
  return new GantryError({ code: 'unavailable', operation: 'set up pod network', message });
}

function noAddress(podId: string): GantryError {
  return new GantryError({
    code: 'failed-precondition',
    operation: 'CNI ADD',
    subject: podId,
    message: `the plug-ins gave the pod no address: the last result has none on ${POD_INTERFACE}`,
  });
}

function inNetwork(error: unknown, network: CniNetwork): GantryError {
  return new GantryError({
    code: errorCode(error),
    operation: 'set up pod network',
    subject: network.name,
    message: `CNI network "${network.name}" (${network.file}): ${error instanceof Error ? error.message : String(error)}`,
    cause: error,
  });
}

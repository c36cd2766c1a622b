import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  GantryError,
  makeDirectory,
  type Roots,
  sweepTemporaryFiles,
  writeFileAtomic,
} from '../base/index.ts';
import { parseRanges } from './builtin/address.ts';
import { BuiltinNetworkProvider } from './builtin/builtin-network.ts';
import { CniNetworkProvider } from './cni/cni-network.ts';
import { CniConfigurationReader } from './cni/config.ts';
import type { NetworkProvider } from './provider.ts';
import type { NetworkConfig, NetworkDeps, NetworkRecord, NetworkStatus, PodNetwork } from './types.ts';

/** The network of this instance's pods. Nothing is touched before the first pod, status or garbage collection. */
export function createPodNetwork(config: NetworkConfig, deps: NetworkDeps): PodNetwork {
  sweepTemporaryFiles(join(config.root, 'network'));
  const reader = new CniConfigurationReader(config.cniConfDir);
  const podCidr = new PodCidr(config);
  const builtin = new BuiltinNetworkProvider(config, deps);
  if (podCidr.current !== '') builtin.useRanges(podCidr.current);
  const cni = new CniNetworkProvider(config, deps, reader, () => podCidr.list());

  /** For new pods. A configuration file, even one with an error, says that CNI is meant. */
  const choose = (): NetworkProvider => {
    if (config.network === 'builtin') return builtin;
    if (config.network === 'cni') return cni;
    if (reader.current().files.length > 0) markSeen(config);
    return wasSeen(config) ? cni : builtin;
  };
  /** For a pod that has a network: the one that made it, whatever would be chosen now. */
  const of = (record: NetworkRecord): NetworkProvider | undefined => {
    if (!isKnown(record)) throw foreignNetwork(record);
    return record.kind === 'none' ? undefined : record.kind === 'cni' ? cni : builtin;
  };

  return {
    setUp: (request, announce, signal) => choose().setUp(request, announce, signal),
    tearDown: async (record) => of(record)?.tearDown(record),
    status: async (): Promise<NetworkStatus> => {
      const chosen = choose();
      const status = await chosen.status();
      return { ...status, details: { mode: config.network, ...(status.details as object) } };
    },
    collectGarbage: async (live) => {
      await builtin.collectGarbage(live);
      // What a network of a newer release has of the plug-ins is not known.
      if (live.every(isKnown)) await cni.collectGarbage(live);
    },
    setPodCidr: async (cidr) => {
      if (cidr === '' || cidr === podCidr.current) return;
      parseRanges(cidr);
      podCidr.remember(cidr);
      builtin.useRanges(cidr);
    },
    close: async () => builtin.close(),
  };
}

/** Another kind is a newer release's. */
function isKnown({ kind }: NetworkRecord): boolean {
  return kind === 'cni' || kind === 'builtin' || kind === 'none';
}

/** Only the release that made it knows what is to be given back. */
function foreignNetwork({ kind, request }: NetworkRecord): GantryError {
  return new GantryError({
    code: 'unimplemented',
    operation: 'find network',
    subject: request.podId,
    message: `the network of pod ${request.podId} is of the kind "${kind}", which this release does not know; the release that made it must take it down`,
  });
}

/** The pod ranges that the kubelet named last, kept over a restart: it says them only when they change. */
class PodCidr {
  readonly #path: string;
  current: string;

  constructor(roots: Roots) {
    this.#path = join(roots.root, 'network', 'pod-cidr');
    this.current = existsSync(this.#path) ? readFileSync(this.#path, 'utf8').trim() : '';
  }

  remember(cidr: string): void {
    makeDirectory(dirname(this.#path));
    writeFileAtomic(this.#path, `${cidr}\n`, { durable: true });
    this.current = cidr;
  }

  list(): string[] {
    return this.current === '' ? [] : this.current.split(',').map((one) => one.trim());
  }
}

/**
 * The mark that a CNI configuration was seen once. With it, `auto` waits for CNI for ever: while the cluster's network
 * plug-in is being replaced, pods must not start on a network that the cluster cannot reach. Removing it undoes that.
 */
function seenPath(roots: Roots): string {
  return join(roots.root, 'network', 'cni-seen');
}

function wasSeen(roots: Roots): boolean {
  return existsSync(seenPath(roots));
}

function markSeen(roots: Roots): void {
  if (wasSeen(roots)) return;
  makeDirectory(dirname(seenPath(roots)));
  writeFileAtomic(seenPath(roots), 'A CNI configuration was seen; the built-in network is off. See docs.\n', {
    durable: true,
  });
}

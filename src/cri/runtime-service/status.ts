import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { version } from '../../base/index.ts';
import type {
  RuntimeConditionInit,
  RuntimeHandlerInit,
  StatusRequest,
  StatusResponseInit,
} from '../../cri-types/index.ts';
import { reportUnknownPods } from '../../pod/index.ts';
import { readLayout } from '../../resources/index.ts';
import { flavorOf, runtimeHandlers } from '../../stage1/index.ts';
import type { Rpc, Services } from '../context.ts';

/** Calls are taken only after recovery, so the runtime is ready whenever it answers; the network may not be. */
export const status: Rpc<StatusRequest, StatusResponseInit> = async (services, { verbose }) => {
  const network = await services.network.status();
  const conditions: RuntimeConditionInit[] = [
    { type: 'RuntimeReady', status: true },
    network.ready
      ? { type: 'NetworkReady', status: true }
      : { type: 'NetworkReady', status: false, reason: network.reason, message: network.message },
  ];
  return {
    status: { conditions },
    runtimeHandlers: handlers(services),
    features: {
      supplementalGroupsPolicy: true,
      userNamespacesHostNetwork: hasUserNamespaces(services),
      mountOptions: true,
    },
    info: verbose ? await info(services, network.details) : {},
  };
};

/** Every handler runs on this kernel, so all of them can do the same, but for what their flavor leaves out. */
function handlers({ host }: Services): RuntimeHandlerInit[] {
  return runtimeHandlers().map((name) => ({
    name,
    features: {
      recursiveReadOnlyMounts: host.recursiveReadOnlyMounts,
      userNamespaces: flavorOf(name).userNamespaces && hasUserNamespaces({ host }),
    },
  }));
}

/** Their pods' files need ID-mapped mounts. */
function hasUserNamespaces({ host }: Pick<Services, 'host'>): boolean {
  return host.idMappedMounts && existsSync('/proc/self/ns/user');
}

async function info(services: Services, network: unknown): Promise<Record<string, string>> {
  const { mode, hierarchies } = readLayout();
  const cgroups = {
    mode,
    driver: services.config.cgroupDriver,
    hierarchies: hierarchies.map((h) => ({ ...h, controllers: h.controllers.join(',') })),
  };
  const runtime = { version, node: process.version, kernel: release(), pid: process.pid };
  return {
    config: JSON.stringify(services.config),
    cgroups: JSON.stringify(cgroups),
    host: JSON.stringify(services.host),
    network: JSON.stringify(network),
    runtime: JSON.stringify(runtime),
    // Pods that run, or did, and are in no list: docs/releases.md.
    unknownPods: JSON.stringify(await reportUnknownPods(services.life)),
  };
}

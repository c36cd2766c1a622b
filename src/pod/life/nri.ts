/** What NRI's plug-ins see of pods and containers, and what they may do to them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OciSpec } from '../../base/index.ts';
import type { PodSandboxConfig, SecurityProfile } from '../../cri-types/index.ts';
import {
  type ContainerFacts,
  type NriContainerState,
  type NriRuntime,
  noNri,
  type PodFacts,
} from '../../nri/index.ts';
import { podNamespacePlan } from '../../security/index.ts';
import { flavorNamed } from '../../stage1/index.ts';
import type { SandboxRecord } from '../model/record.ts';
import { flavoredPod } from '../plan/flavored.ts';
import type { Container, Sandbox } from '../store/sandbox.ts';
import type { Life } from './life.ts';
import { updateLimits } from './limits.ts';
import { stopContainer } from './stop.ts';

/** The runtime as NRI needs it; from now on plug-ins hear of the containers that end by themselves. */
export function nriRuntime(life: Life): NriRuntime {
  if (life.nri !== noNri) void followExits(life);
  const owned = ({ sandbox }: { sandbox: Sandbox }): boolean => life.owners(sandbox.record.owner).shownByCri;
  const all = (): Sandbox[] => life.registry.allSandboxes().filter((sandbox) => owned({ sandbox }));
  return {
    swapAccounting: life.host.swapAccounting,
    prepareDevices: (devices) => life.cdi.prepare([...new Set(devices)]),
    podIds: () => all().flatMap(({ id, state }) => (state.kind === 'ready' ? [id] : [])),
    containerIds: () =>
      all().flatMap(({ containers }) =>
        [...containers.values()].flatMap(({ id, state }) =>
          state.kind === 'created' || state.kind === 'running' ? [id] : [],
        ),
      ),
    pod: (id) => {
      const sandbox = life.registry.anySandbox(id);
      return sandbox === undefined ? undefined : podFacts(sandbox);
    },
    container: (id) => {
      const container = life.registry.anyContainer(id);
      return container === undefined ? undefined : containerFacts(container);
    },
    update: async (id, resources) =>
      await updateLimits(life, life.registry.requireContainerObject(id), resources),
    evict: async (id) => {
      const container = life.registry.findContainer(id);
      if (container !== undefined) await stopContainer(life, container, 0n);
    },
  };
}

/** Until the service is closed. */
async function followExits(life: Life): Promise<void> {
  for await (const event of life.events.subscribe(life.closing)) {
    if (event.type !== 'stopped' || event.containerId === event.sandbox.id) continue;
    await life.nri.stopContainer(event.containerId);
  }
}

function podFacts(sandbox: Sandbox): PodFacts {
  const { record } = sandbox;
  const { metadata, labels, annotations, linux } = record.config;
  return {
    id: record.id,
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    namespace: metadata?.namespace ?? '',
    labels,
    annotations,
    runtimeHandler: record.runtimeHandler,
    overhead: linux?.overhead,
    resources: linux?.resources,
    cgroupParent: record.cgroupParent,
    cgroupsPath: record.cgroupPath,
    namespaces: podNamespaces(sandbox),
    pid: record.pid,
    ips: record.network?.ips ?? [],
  };
}

/** What the pod's flavor made of its wishes; as it was asked for where the flavor is another release's. */
function granted({ config, flavor }: SandboxRecord): PodSandboxConfig {
  try {
    return flavoredPod(config, flavorNamed(flavor));
  } catch {
    return config;
  }
}

function podNamespaces({ record }: Sandbox): PodFacts['namespaces'] {
  const { ipc, uts, pid } = podNamespacePlan(granted(record));
  // Gone before its pod is removed.
  const network = record.netnsPath !== '' && existsSync(record.netnsPath);
  return [
    ...(network ? [{ type: 'network', path: record.netnsPath }] : []),
    ...(ipc === 'pod' ? [{ type: 'ipc', path: '' }] : []),
    ...(uts === 'pod' ? [{ type: 'uts', path: '' }] : []),
    ...(pid === 'pod' ? [{ type: 'pid', path: '' }] : []),
    ...(record.usernsPath === '' ? [] : [{ type: 'user', path: record.usernsPath }]),
  ];
}

const states: Readonly<Record<Container['state']['kind'], NriContainerState>> = {
  creating: 'CONTAINER_CREATED',
  created: 'CONTAINER_CREATED',
  running: 'CONTAINER_RUNNING',
  exited: 'CONTAINER_STOPPED',
  removing: 'CONTAINER_STOPPED',
};

function containerFacts(container: Container): ContainerFacts | undefined {
  const { record, state } = container;
  const spec = document(container);
  if (spec === undefined) return undefined;
  const { config } = record;
  const ended = state.kind === 'exited' ? state : undefined;
  const begun = state.kind === 'running' ? state : ended;
  return {
    id: record.id,
    podId: record.sandboxId,
    name: config.metadata?.name ?? '',
    labels: config.labels,
    annotations: config.annotations,
    spec,
    state: states[state.kind],
    pid: state.kind === 'running' ? state.pid : 0,
    createdAt: record.createdAt,
    startedAt: begun?.startedAt ?? 0n,
    finishedAt: ended?.finishedAt ?? 0n,
    exitCode: ended?.exitCode ?? 0,
    reason: ended?.reason ?? '',
    message: ended?.message ?? '',
    cdiDevices: config.CDIDevices.map(({ name }) => name),
    seccomp: seccompProfile(config.linux?.securityContext?.seccomp),
  };
}

const profiles = {
  RuntimeDefault: 'RUNTIME_DEFAULT',
  Unconfined: 'UNCONFINED',
  Localhost: 'LOCALHOST',
} as const;

function seccompProfile(profile: SecurityProfile | undefined): ContainerFacts['seccomp'] {
  if (profile === undefined) return undefined;
  return { profileType: profiles[profile.profileType], localhostRef: profile.localhostRef };
}

/** Undefined where it is gone: nothing can be said of such a container. */
function document(container: Container): OciSpec | undefined {
  if (container.document !== undefined) return container.document;
  try {
    return JSON.parse(readFileSync(join(container.path, 'config.json'), 'utf8')) as OciSpec;
  } catch {
    return undefined;
  }
}

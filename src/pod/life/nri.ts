/** What NRI's plug-ins see of pods and containers, and what they may do to them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError, type OciResources, type OciSpec } from '../../base/index.ts';
import { complete, type LinuxContainerResources, type SecurityProfile } from '../../cri-types/index.ts';
import {
  type ContainerFacts,
  type NriContainerState,
  type NriRuntime,
  noNri,
  type PodFacts,
} from '../../nri/index.ts';
import { asLimitError } from '../../resources/index.ts';
import { podNamespacePlan } from '../../security/index.ts';
import type { PodService } from '../service.ts';
import type { Container, Sandbox } from '../store/sandbox.ts';
import { stopContainer } from './stop.ts';

/** The runtime as NRI needs it; from now on plug-ins hear of the containers that end by themselves. */
export function nriRuntime(pods: PodService): NriRuntime {
  if (pods.nri !== noNri) void followExits(pods);
  const owned = ({ sandbox }: { sandbox: Sandbox }): boolean => sandbox.record.owner === 'cri';
  const all = (): Sandbox[] => pods.allSandboxes().filter((sandbox) => owned({ sandbox }));
  return {
    swapAccounting: pods.host.swapAccounting,
    prepareDevices: (devices) => pods.cdi.prepare([...new Set(devices)]),
    podIds: () => all().flatMap(({ id, state }) => (state.kind === 'ready' ? [id] : [])),
    containerIds: () =>
      all().flatMap(({ containers }) =>
        [...containers.values()].flatMap(({ id, state }) =>
          state.kind === 'created' || state.kind === 'running' ? [id] : [],
        ),
      ),
    pod: (id) => {
      const sandbox = pods.anySandbox(id);
      return sandbox === undefined ? undefined : podFacts(sandbox);
    },
    container: (id) => {
      const container = pods.anyContainer(id);
      return container === undefined ? undefined : containerFacts(container);
    },
    update: async (id, resources) => await updateLimits(pods.requireContainerObject(id), resources),
    evict: async (id) => {
      const container = pods.findContainer(id);
      if (container !== undefined) await stopContainer(pods, container, 0n);
    },
  };
}

/** Until the service is closed. */
async function followExits(pods: PodService): Promise<void> {
  for await (const event of pods.events.subscribe(pods.closing)) {
    if (event.type !== 'stopped' || event.containerId === event.sandbox.id) continue;
    await pods.nri.stopContainer(event.containerId);
  }
}

/** The pod is about to be ready, and nobody sees it yet. Errors: a plug-in's refusal. */
export async function tellPodRun(pods: PodService, sandbox: Sandbox, pid: number): Promise<void> {
  if (pods.nri === noNri) return;
  sandbox.patch({ pid });
  await pods.nri.runPodSandbox(sandbox.id);
}

/** The containers before their pod; each once. */
export async function tellPodStopped(pods: PodService, sandbox: Sandbox): Promise<void> {
  if (pods.nri === noNri) return;
  for (const container of sandbox.containers.values()) await tellContainerStopped(pods, container);
  await pods.nri.stopPodSandbox(sandbox.id);
}

/** For one that has ended; nothing for any other. */
export async function tellContainerStopped(pods: PodService, container: Container): Promise<void> {
  if (container.state.kind === 'exited') await pods.nri.stopContainer(container.id);
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

function podNamespaces({ record }: Sandbox): PodFacts['namespaces'] {
  const { ipc, uts, pid } = podNamespacePlan(record.config);
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

/**
 * Sets limits on a container, and notes them. Not under the container's mutex: whoever holds that may be waiting for a plug-in
 * which waits for this. Errors: failed-precondition, stage1's.
 */
export async function updateLimits(
  container: Container,
  resources: OciResources,
  noted: (before: LinuxContainerResources | undefined) => LinuxContainerResources = (before) =>
    overlayLimits(before, resources),
): Promise<void> {
  await container.updating.run(async () => {
    const { kind } = container.state;
    if (kind !== 'created' && kind !== 'running') {
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'update container resources',
        subject: container.id,
        message: `container ${container.id} is ${kind}: only a created or running one has resources to update`,
      });
    }
    const client = container.sandbox.requireClient('update container resources');
    await client.update(container.id, resources).catch(asLimitError);
    const { config } = container.record;
    const now = noted(config.linux?.resources);
    container.note({ config: { ...config, linux: { ...config.linux, resources: now } } });
  });
}

/** CRI's form of what is in force after an update. Pure. */
export function overlayLimits(
  before: LinuxContainerResources | undefined,
  update: OciResources,
): LinuxContainerResources {
  const { cpu = {}, memory = {} } = update;
  const known = before ?? complete('LinuxContainerResources', {});
  const changed = (value: number | undefined, old: bigint): bigint =>
    value === undefined ? old : BigInt(value);
  const sizes = new Set((update.hugepageLimits ?? []).map(({ pageSize }) => pageSize));
  return {
    ...known,
    cpuPeriod: changed(cpu.period, known.cpuPeriod),
    cpuQuota: changed(cpu.quota, known.cpuQuota),
    cpuShares: changed(cpu.shares, known.cpuShares),
    cpusetCpus: cpu.cpus ?? known.cpusetCpus,
    cpusetMems: cpu.mems ?? known.cpusetMems,
    memoryLimitInBytes: changed(memory.limit, known.memoryLimitInBytes),
    memorySwapLimitInBytes: changed(memory.swap, known.memorySwapLimitInBytes),
    hugepageLimits: [
      ...known.hugepageLimits.filter(({ pageSize }) => !sizes.has(pageSize)),
      ...(update.hugepageLimits ?? []).map(({ pageSize, limit }) => ({ pageSize, limit: BigInt(limit) })),
    ],
    unified: { ...known.unified, ...update.unified },
  };
}

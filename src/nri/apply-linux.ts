import type {
  OciDevice,
  OciLinux,
  OciNamespaceType,
  OciProcess,
  OciResources,
  OciSpec,
} from '../base/index.ts';
import { type ApplyFacts, cannot, changedRecord } from './change.ts';
import type { LinuxContainerAdjustment, LinuxSeccomp } from './generated/messages.ts';
import { parseKey } from './keyed.ts';
import { toOci } from './resources.ts';

type Wanted = LinuxContainerAdjustment;
type Resources = OciResources;

/** Errors: unimplemented. */
export function applyLinux(spec: OciSpec, wanted: Wanted, facts: ApplyFacts): OciSpec {
  refuse(wanted);
  const { linux } = spec;
  const devices = wantedDevices(wanted);
  return {
    ...spec,
    process: applyProcess(spec.process, wanted),
    linux: {
      ...linux,
      devices: [...(linux.devices ?? []).filter(({ path }) => !devices.changed.has(path)), ...devices.added],
      resources: resources(linux.resources ?? {}, wanted, devices.added, facts),
      namespaces: namespaces(linux.namespaces ?? [], wanted.namespaces),
      sysctl: changedRecord(linux.sysctl ?? {}, wanted.sysctl),
      ...(wanted.cgroupsPath === '' ? {} : { cgroupsPath: wanted.cgroupsPath }),
      ...(wanted.seccompPolicy === undefined ? {} : { seccomp: seccomp(wanted.seccompPolicy) }),
    },
  };
}

/** What stage1 has no means for is refused: a plug-in that is ignored would believe that it was heard. */
function refuse(wanted: Wanted): void {
  const { rdt, memoryPolicy, resources: limits } = wanted;
  if (rdt?.closId !== undefined || rdt?.schemata !== undefined || rdt?.enableMonitoring !== undefined) {
    throw cannot('rdt', 'Intel RDT is not supported');
  }
  if (memoryPolicy !== undefined) throw cannot('memory_policy', 'memory policies are not supported');
  const added = Object.keys(wanted.netDevices).filter((name) => !name.startsWith('-'));
  if (added.length > 0) {
    throw cannot('net_devices', `network devices cannot be moved into a container (${added.join(', ')})`);
  }
  if ((limits?.rdtClass?.value ?? '') !== '') {
    throw cannot('rdt_class', `there is no RDT class "${limits?.rdtClass?.value}"`);
  }
  if ((limits?.blockioClass?.value ?? '') !== '') {
    throw cannot('blockio_class', `there is no block I/O class "${limits?.blockioClass?.value}"`);
  }
}

function applyProcess(process: OciProcess, wanted: Wanted): OciProcess {
  const { ioPriority, scheduler, oomScoreAdj } = wanted;
  const after = { ...process };
  if (oomScoreAdj !== undefined) after.oomScoreAdj = Number(oomScoreAdj.value);
  if (ioPriority?.class === 'IOPRIO_CLASS_NONE') delete after.ioPriority;
  else if (ioPriority !== undefined) after.ioPriority = { ...ioPriority };
  if (scheduler?.policy === 'SCHED_NONE') delete after.scheduler;
  else if (scheduler !== undefined) {
    const { policy, nice, priority, flags, runtime, deadline, period } = scheduler;
    after.scheduler = {
      policy,
      ...(nice === 0 ? {} : { nice }),
      ...(priority === 0 ? {} : { priority }),
      ...(flags.length === 0 ? {} : { flags: [...flags] }),
      ...(runtime === 0n ? {} : { runtime: Number(runtime) }),
      ...(deadline === 0n ? {} : { deadline: Number(deadline) }),
      ...(period === 0n ? {} : { period: Number(period) }),
    };
  }
  return after;
}

function wantedDevices(wanted: Wanted): { changed: Set<string>; added: OciDevice[] } {
  const changed = new Set(wanted.devices.map(({ path }) => parseKey(path).key));
  const added = wanted.devices
    .filter(({ path }) => !parseKey(path).removed)
    .map(({ path, type, major, minor, fileMode, uid, gid }) => ({
      path,
      type: deviceType(path, type),
      major: Number(major),
      minor: Number(minor),
      ...(fileMode === undefined ? {} : { fileMode: fileMode.value }),
      ...(uid === undefined ? {} : { uid: uid.value }),
      ...(gid === undefined ? {} : { gid: gid.value }),
    }));
  return { changed, added };
}

function deviceType(path: string, type: string): OciDevice['type'] {
  if (type === 'c' || type === 'b' || type === 'u' || type === 'p') return type;
  throw cannot('devices', `device ${path} has the unknown type "${type}"`);
}

/** A device that is there may be used too. */
function resources(
  before: Resources,
  wanted: Wanted,
  devices: readonly OciDevice[],
  facts: ApplyFacts,
): Resources {
  const more = wanted.resources === undefined ? {} : toOci(wanted.resources, facts.swapAccounting);
  const allowed = devices
    .filter(({ type }) => type !== 'p')
    .map(({ type, major = 0, minor = 0 }) => {
      const kind = type === 'b' ? ('b' as const) : ('c' as const);
      return { allow: true, type: kind, major, minor, access: type === 'b' ? 'rwm' : 'rw' };
    });
  const sizes = new Set((more.hugepageLimits ?? []).map(({ pageSize }) => pageSize));
  const after: Resources = {
    ...before,
    ...more,
    memory: { ...before.memory, ...more.memory },
    cpu: { ...before.cpu, ...more.cpu },
    unified: { ...before.unified, ...more.unified },
    hugepageLimits: [
      ...(before.hugepageLimits ?? []).filter(({ pageSize }) => !sizes.has(pageSize)),
      ...(more.hugepageLimits ?? []),
    ],
    devices: [...(before.devices ?? []), ...(more.devices ?? []), ...allowed],
  };
  if (wanted.resources?.blockioClass !== undefined) delete after.blockIO;
  // NRI says -1 for no limit, the document says it by silence.
  if ((after.pids?.limit ?? 0) < 0) delete after.pids;
  return after;
}

const ownable: readonly string[] = ['cgroup', 'pid'];
type Namespaces = NonNullable<OciLinux['namespaces']>;

/** A pod's namespaces are shared by its containers; only those that each may have for itself can be changed. */
function namespaces(before: Namespaces, wanted: Wanted['namespaces']): Namespaces {
  let after = before;
  for (const { type: marked, path } of wanted) {
    const { key: type, removed } = parseKey(marked);
    const present = before.find((namespace) => namespace.type === type);
    const same = removed ? present === undefined : present !== undefined && (present.path ?? '') === path;
    if (same) continue;
    if (!ownable.includes(type) || path !== '') {
      const what = path === '' ? type : `${type} ${path}`;
      throw cannot(
        'namespaces',
        `a container's ${what} namespace cannot differ from its pod's; cgroup and pid may, without a path`,
      );
    }
    after = after.filter((namespace) => namespace.type !== type);
    if (!removed) after = [...after, { type: type as OciNamespaceType }];
  }
  return after;
}

function seccomp(policy: LinuxSeccomp): NonNullable<OciLinux['seccomp']> {
  const { defaultAction, defaultErrno, architectures, flags, listenerPath, listenerMetadata } = policy;
  return {
    defaultAction,
    ...(defaultErrno === undefined ? {} : { defaultErrnoRet: defaultErrno.value }),
    ...(architectures.length > 0 ? { architectures: [...architectures] } : {}),
    ...(flags.length > 0 ? { flags: [...flags] } : {}),
    ...(listenerPath === '' ? {} : { listenerPath }),
    ...(listenerMetadata === '' ? {} : { listenerMetadata }),
    syscalls: policy.syscalls.map(({ names, action, errnoRet, args }) => ({
      names: [...names],
      action,
      ...(errnoRet === undefined ? {} : { errnoRet: errnoRet.value }),
      args: args.map(({ index, value, valueTwo, op }) => ({
        index,
        value: Number(value),
        valueTwo: Number(valueTwo),
        op,
      })),
    })),
  };
}

/** Pods and containers as plug-ins are shown them. Pure. */
import type { OciHook, OciSpec } from '../base/index.ts';
import type {
  ContainerInit,
  HookInit,
  IOPrioClass,
  LinuxContainerInit,
  LinuxDeviceInit,
  LinuxSchedulerFlag,
  LinuxSchedulerPolicy,
  LinuxSeccompInit,
  PodSandboxInit,
} from './generated/messages.ts';
import { fromCri, fromOci } from './resources.ts';
import type { ContainerFacts, PodFacts } from './types.ts';

export function podView(pod: PodFacts): PodSandboxInit {
  const { overhead, resources, cgroupParent, cgroupsPath, namespaces, ...rest } = pod;
  return {
    ...rest,
    linux: {
      podOverhead: fromCri(overhead),
      podResources: fromCri(resources),
      cgroupParent,
      cgroupsPath,
      namespaces,
    },
  };
}

export function containerView(facts: ContainerFacts): ContainerInit {
  const { spec } = facts;
  const { uid, gid, additionalGids = [] } = spec.process.user;
  return {
    id: facts.id,
    podSandboxId: facts.podId,
    name: facts.name,
    state: facts.state,
    labels: facts.labels,
    annotations: { ...spec.annotations, ...facts.annotations },
    args: spec.process.args,
    env: spec.process.env,
    mounts: spec.mounts.map(({ destination, type = '', source = '', options = [] }) => ({
      destination,
      type,
      source,
      options,
    })),
    hooks: hooksView(spec),
    linux: linuxView(facts),
    pid: facts.pid,
    rlimits: (spec.process.rlimits ?? []).map(({ type, hard, soft }) => ({
      type,
      hard: unsigned(hard),
      soft: unsigned(soft),
    })),
    createdAt: facts.createdAt,
    startedAt: facts.startedAt,
    finishedAt: facts.finishedAt,
    exitCode: facts.exitCode,
    statusReason: facts.reason,
    statusMessage: facts.message,
    CDIDevices: facts.cdiDevices.map((name) => ({ name })),
    user: { uid, gid, additionalGids },
  };
}

const LARGEST = (1n << 64n) - 1n;

/** RLIM_INFINITY is rounded up, as a number. */
function unsigned(value: number): bigint {
  const exact = BigInt(value);
  return exact > LARGEST ? LARGEST : exact;
}

function hooksView({ hooks = {} }: OciSpec): ContainerInit['hooks'] {
  const view = (list: readonly OciHook[] | undefined): HookInit[] =>
    (list ?? []).map(({ path, args = [], env = [], timeout }) => ({
      path,
      args,
      env,
      timeout: timeout === undefined ? undefined : { value: timeout },
    }));
  return {
    prestart: view(hooks.prestart),
    createRuntime: view(hooks.createRuntime),
    createContainer: view(hooks.createContainer),
    startContainer: view(hooks.startContainer),
    poststart: view(hooks.poststart),
    poststop: view(hooks.poststop),
  };
}

function linuxView({ spec, seccomp }: ContainerFacts): LinuxContainerInit {
  const { linux, process } = spec;
  const { oomScoreAdj, ioPriority, scheduler } = process;
  return {
    namespaces: (linux.namespaces ?? []).map(({ type, path = '' }) => ({ type, path })),
    devices: (linux.devices ?? []).map(deviceView),
    resources: fromOci(linux.resources),
    oomScoreAdj: oomScoreAdj === undefined ? undefined : { value: oomScoreAdj },
    cgroupsPath: linux.cgroupsPath ?? '',
    ioPriority:
      ioPriority === undefined
        ? undefined
        : { class: ioPriority.class as IOPrioClass, priority: ioPriority.priority },
    seccompProfile: seccomp,
    seccompPolicy: linux.seccomp === undefined ? undefined : seccompView(linux.seccomp),
    sysctl: linux.sysctl ?? {},
    netDevices: linux.netDevices ?? {},
    scheduler:
      scheduler === undefined
        ? undefined
        : {
            ...scheduler,
            policy: scheduler.policy as LinuxSchedulerPolicy,
            flags: (scheduler.flags ?? []) as LinuxSchedulerFlag[],
          },
  };
}

function deviceView(device: NonNullable<OciSpec['linux']['devices']>[number]): LinuxDeviceInit {
  const { path, type, major = 0, minor = 0, fileMode, uid, gid } = device;
  const some = (value: number | undefined): { value: number } | undefined =>
    value === undefined ? undefined : { value };
  return { path, type, major, minor, fileMode: some(fileMode), uid: some(uid), gid: some(gid) };
}

function seccompView(seccomp: NonNullable<OciSpec['linux']['seccomp']>): LinuxSeccompInit {
  const { defaultErrnoRet, syscalls = [], ...rest } = seccomp;
  return {
    ...rest,
    defaultErrno: defaultErrnoRet === undefined ? undefined : { value: defaultErrnoRet },
    syscalls: syscalls.map(({ errnoRet, args = [], ...rule }) => ({
      ...rule,
      errnoRet: errnoRet === undefined ? undefined : { value: errnoRet },
      args: args.map(({ value, valueTwo, ...arg }) => ({
        ...arg,
        value: BigInt(value),
        valueTwo: BigInt(valueTwo ?? 0),
      })),
    })),
  };
}

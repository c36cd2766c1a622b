import type {
  ContainerAdjustment,
  ContainerAdjustmentInit,
  ContainerInit,
  HooksInit,
  LinuxContainerAdjustment,
  LinuxContainerAdjustmentInit,
  LinuxDeviceInit,
  LinuxNamespaceInit,
  LinuxNetDeviceInit,
  LinuxRdtInit,
  MountInit,
  POSIXRlimitInit,
} from './generated/messages.ts';
import { type Keyed, keyed, mergeKeyed, removalOf } from './keyed.ts';
import { Owners } from './owners.ts';
import { claimResources, overlay } from './resources.ts';
import { decode, encode } from './wire.ts';

const hookKinds = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;

const byKey = <T extends object>(key: (item: T) => string | undefined, items: readonly T[] | undefined) =>
  (items ?? []).map((item) => [key(item) ?? '', item] as const);
const mountKey = (mount: MountInit): string | undefined => mount.destination;
const deviceKey = (device: LinuxDeviceInit): string | undefined => device.path;
const namespaceKey = (namespace: LinuxNamespaceInit): string | undefined => namespace.type;

/** A container in the making: what was asked for, what each plug-in makes of it, who has set what. */
export class Creation {
  readonly owners = new Owners();
  readonly #asked: ContainerInit;
  #args: readonly string[];
  #newArgs: readonly string[] = [];
  readonly #annotations: Keyed<string>;
  readonly #mounts: Keyed<MountInit>;
  readonly #env: Keyed<string>;
  readonly #devices: Keyed<LinuxDeviceInit>;
  readonly #namespaces: Keyed<LinuxNamespaceInit>;
  readonly #sysctls: Keyed<string>;
  readonly #netDevices: Keyed<LinuxNetDeviceInit>;
  readonly #rlimits: Keyed<POSIXRlimitInit>;
  readonly #hooks: Record<string, object[]> = {};
  readonly #newHooks: Record<string, object[]> = {};
  readonly #cdiDevices: { name: string }[] = [];
  #linux: LinuxContainerAdjustmentInit = {};

  constructor(asked: ContainerInit) {
    this.#asked = asked;
    const { linux } = asked;
    this.#args = asked.args ?? [];
    this.#annotations = keyed('Annotations', Object.entries(asked.annotations ?? {}));
    this.#mounts = keyed('Mounts', byKey(mountKey, asked.mounts));
    this.#env = keyed('Env', (asked.env ?? []).map(splitVariable));
    this.#devices = keyed('Devices', byKey(deviceKey, linux?.devices));
    this.#namespaces = keyed('Namespace', byKey(namespaceKey, linux?.namespaces));
    this.#sysctls = keyed('Sysctl', Object.entries(linux?.sysctl ?? {}));
    this.#netDevices = keyed('LinuxNetDevices', Object.entries(linux?.netDevices ?? {}));
    this.#rlimits = keyed(
      'Rlimits',
      byKey((limit) => limit.type, asked.rlimits),
    );
    for (const kind of hookKinds) this.#hooks[kind] = [...(asked.hooks?.[kind] ?? [])];
  }

  /** As it is now: what the next plug-in is asked about. */
  get container(): ContainerInit {
    const { linux } = this.#asked;
    const { present: netDevices } = this.#netDevices;
    const { resources, cgroupsPath, oomScoreAdj, ioPriority, seccompPolicy, scheduler, rdt } = this.#linux;
    return {
      ...this.#asked,
      args: this.#args,
      annotations: Object.fromEntries(this.#annotations.present),
      mounts: [...this.#mounts.present.values()],
      env: [...this.#env.present].map(([name, value]) => `${name}=${value}`),
      rlimits: [...this.#rlimits.present.values()],
      hooks: this.#hooks as HooksInit,
      linux: {
        ...linux,
        devices: [...this.#devices.present.values()],
        namespaces: [...this.#namespaces.present.values()],
        sysctl: Object.fromEntries(this.#sysctls.present),
        netDevices: Object.fromEntries(netDevices),
        ...(resources === undefined ? {} : { resources: overlay(linux?.resources ?? {}, whole(resources)) }),
        ...defined({ cgroupsPath, oomScoreAdj, ioPriority, seccompPolicy, scheduler, rdt }),
      },
    };
  }

  /** What all plug-ins together have changed. */
  get adjustment(): ContainerAdjustmentInit {
    return {
      args: this.#newArgs,
      annotations: changedRecord(this.#annotations, ''),
      mounts: changedList(this.#mounts, (destination) => ({ destination })),
      env: [...this.#env.changes].map(([key, value]) =>
        value === undefined ? { key: removalOf(key), value: '' } : { key, value },
      ),
      rlimits: changedList(this.#rlimits, (type) => ({ type })),
      CDIDevices: this.#cdiDevices,
      hooks: this.#newHooks as HooksInit,
      linux: {
        ...this.#linux,
        devices: changedList(this.#devices, (path) => ({ path })),
        namespaces: changedList(this.#namespaces, (type) => ({ type })),
        sysctl: changedRecord(this.#sysctls, ''),
        netDevices: changedRecord(this.#netDevices, {}),
      },
    };
  }

  /** One plug-in's answer. Errors: failed-precondition, naming both plug-ins, where it contradicts an earlier one. */
  merge(plugin: string, wanted: ContainerAdjustment): void {
    const { owners } = this;
    mergeKeyed(this.#annotations, owners, plugin, Object.entries(wanted.annotations));
    mergeKeyed(this.#mounts, owners, plugin, byKey(mountKey, wanted.mounts));
    mergeKeyed(
      this.#env,
      owners,
      plugin,
      wanted.env.map(({ key, value }) => [key, value] as const),
    );
    this.#mergeArgs(plugin, wanted.args);
    this.#mergeHooks(plugin, wanted);
    mergeKeyed(
      this.#rlimits,
      owners,
      plugin,
      byKey((limit) => limit.type, wanted.rlimits),
    );
    for (const { name } of wanted.CDIDevices) {
      owners.claim('CdiDevices', plugin, name);
      this.#cdiDevices.push({ name });
    }
    if (wanted.linux !== undefined) this.#mergeLinux(plugin, wanted.linux);
  }

  #mergeLinux(plugin: string, wanted: LinuxContainerAdjustment): void {
    const { owners } = this;
    mergeKeyed(this.#devices, owners, plugin, byKey(deviceKey, wanted.devices));
    mergeKeyed(this.#namespaces, owners, plugin, byKey(namespaceKey, wanted.namespaces));
    mergeKeyed(this.#sysctls, owners, plugin, Object.entries(wanted.sysctl));
    mergeKeyed(this.#netDevices, owners, plugin, Object.entries(wanted.netDevices));
    if (wanted.resources !== undefined) {
      claimResources(owners, plugin, wanted.resources);
      this.#linux = {
        ...this.#linux,
        resources: overlay(this.#linux.resources ?? {}, wanted.resources),
      };
    }
    if (wanted.cgroupsPath !== '') {
      owners.claim('CgroupsPath', plugin);
      this.#linux = { ...this.#linux, cgroupsPath: wanted.cgroupsPath };
    }
    this.#mergeSingles(plugin, wanted);
    if (wanted.rdt !== undefined) this.#mergeRdt(plugin, wanted.rdt);
  }

  #mergeSingles(plugin: string, wanted: LinuxContainerAdjustment): void {
    const singles = {
      oomScoreAdj: 'OomScoreAdj',
      ioPriority: 'IoPriority',
      seccompPolicy: 'SeccompPolicy',
      scheduler: 'LinuxSched',
      memoryPolicy: 'MemoryPolicy',
    } as const;
    for (const name of Object.keys(singles) as (keyof typeof singles)[]) {
      const value = wanted[name];
      if (value === undefined) continue;
      this.owners.claim(singles[name], plugin);
      this.#linux = { ...this.#linux, [name]: value };
    }
  }

  #mergeRdt(plugin: string, wanted: NonNullable<LinuxContainerAdjustment['rdt']>): void {
    const members = {
      closId: 'RdtClosID',
      schemata: 'RdtSchemata',
      enableMonitoring: 'RdtEnableMonitoring',
    } as const;
    const names = Object.keys(members) as (keyof typeof members)[];
    let rdt: LinuxRdtInit = this.#linux.rdt ?? {};
    if (wanted.remove) {
      for (const name of names) this.owners.clear(members[name], plugin);
      rdt = { remove: true };
    }
    for (const name of names) {
      if (wanted[name] === undefined) continue;
      this.owners.claim(members[name], plugin);
      rdt = { ...rdt, [name]: wanted[name], remove: false };
    }
    this.#linux = { ...this.#linux, rdt };
  }

  #mergeArgs(plugin: string, args: readonly string[]): void {
    if (args.length === 0) return;
    if (args[0] === '') this.owners.clear('Args', plugin);
    this.owners.claim('Args', plugin);
    this.#newArgs = args[0] === '' ? args.slice(1) : args;
    this.#args = this.#newArgs;
  }

  #mergeHooks(plugin: string, { hooks }: ContainerAdjustment): void {
    let some = false;
    for (const kind of hookKinds) {
      const more = hooks?.[kind] ?? [];
      if (more.length === 0) continue;
      some = true;
      this.#hooks[kind] = [...(this.#hooks[kind] ?? []), ...more];
      this.#newHooks[kind] = [...(this.#newHooks[kind] ?? []), ...more];
    }
    if (some) this.owners.share('OciHooks', plugin);
  }
}

function splitVariable(variable: string): readonly [string, string] {
  const at = variable.indexOf('=');
  return at < 0 ? [variable, ''] : [variable.slice(0, at), variable.slice(at + 1)];
}

function changedList<T>({ changes }: Keyed<T>, marked: (key: string) => T): T[] {
  return [...changes].map(([key, value]) => value ?? marked(removalOf(key)));
}

function changedRecord<T>({ changes }: Keyed<T>, empty: T): Record<string, T> {
  return Object.fromEntries(
    [...changes].map(([key, value]) => (value === undefined ? [removalOf(key), empty] : [key, value])),
  );
}

function defined(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** With every default, as after the wire. */
function whole(resources: NonNullable<LinuxContainerAdjustmentInit['resources']>) {
  return decode('LinuxResources', encode('LinuxResources', resources));
}

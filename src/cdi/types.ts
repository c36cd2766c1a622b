/** A CDI specification as it stands in its file: version 1.1.0 of the format, and all before it back to 0.3.0. */
import type { OciHooks, OciSpec } from '../base/index.ts';

export interface CdiSpec {
  readonly cdiVersion: string;
  /** `vendor.com/class` */
  readonly kind: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly devices: readonly CdiDevice[];
  /** Made when any of the devices is asked for. */
  readonly containerEdits: ContainerEdits;
}

export interface CdiDevice {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containerEdits: ContainerEdits;
}

export interface ContainerEdits {
  readonly env: readonly string[];
  readonly deviceNodes: readonly DeviceNode[];
  readonly netDevices: readonly NetDevice[];
  readonly hooks: readonly CdiHook[];
  readonly mounts: readonly CdiMount[];
  readonly intelRdt: IntelRdt | undefined;
  readonly additionalGids: readonly number[];
}

export interface DeviceNode {
  readonly path: string;
  /** '' where it is the same as `path`. */
  readonly hostPath: string;
  /** '' where the host's node says. */
  readonly type: '' | 'b' | 'c' | 'u' | 'p';
  /** 0 where the host's node says. */
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number | undefined;
  /** Letters of rwm; '' is all of them, 'none' none. */
  readonly permissions: string;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly type: string;
  readonly options: readonly string[];
}

export interface CdiHook {
  readonly hookName: keyof OciHooks;
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Seconds. */
  readonly timeout: number | undefined;
}

export interface IntelRdt {
  readonly closId: string;
  readonly l3CacheSchema: string;
  readonly memBwSchema: string;
  readonly schemata: readonly string[] | undefined;
  readonly enableMonitoring: boolean;
}

export interface NetDevice {
  readonly hostInterfaceName: string;
  readonly name: string;
}

/** What lies at a path of the host, links not followed. */
export interface HostNode {
  readonly type: 'b' | 'c' | 'p';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Undefined where there is nothing, or no device node; of paths that were looked at. */
export type HostNodes = (path: string) => HostNode | undefined;

/** Looks at paths of the host. Errors: deadline-exceeded, naming the path, for a file system that does not answer. */
export type LookAtNodes = (paths: readonly string[]) => Promise<HostNodes>;

/** The devices of this host that specifications describe. */
export interface Cdi {
  /**
   * The document with what these devices (`vendor.com/class=name`) need. Nothing of the file system's is remembered between calls
   * but what has not changed. Errors: invalid-argument, naming the devices that nobody describes; unimplemented, for what stage1
   * cannot do.
   */
  inject(spec: OciSpec, devices: readonly string[]): Promise<OciSpec>;
  /** The same in two steps: what the returned function does needs no more of the file system. */
  prepare(devices: readonly string[]): Promise<(spec: OciSpec) => OciSpec>;
}

/** The security folder's vocabulary: what a container's OCI document is made from. */
import type { ContainerConfig, PodSandboxConfig } from '../cri-types/index.ts';
import type { ImageConfig } from '../image/index.ts';

/** What this host is able to do; read once (`readHostFacts`), given to the pure functions as plain data. */
export interface HostFacts {
  /** What Gantry itself may hand on: `CAP_…` names of its own bounding set. */
  readonly capabilities: readonly string[];
  /** In the kernel, and the parser that loads profiles is installed. */
  readonly appArmor: boolean;
  /** Undefined: SELinux is off, or its policy knows no containers. */
  readonly seLinux: SeLinuxPolicy | undefined;
  readonly seccomp: boolean;
  /** Every controller on cgroup v2, nothing on v1. */
  readonly unifiedCgroups: boolean;
  /** mount_setattr(2) with AT_RECURSIVE: Linux 5.12. */
  readonly recursiveReadOnlyMounts: boolean;
  /** Id-mapped mounts of overlayfs' layers and of the usual file systems: Linux 5.19. */
  readonly idMappedMounts: boolean;
  /** Whether the kernel counts swap a cgroup. */
  readonly swapAccounting: boolean;
  /** Of the host's cgroup2 mount: nsdelegate, memory_recursiveprot, as far as set. */
  readonly cgroup2Flags: readonly string[];
  readonly hugetlb: boolean;
  /** Node's word for the processor: 'x64', 'arm64' … */
  readonly architecture: string;
}

/** What the host's SELinux policy says of containers. Contexts are `user:role:type[:level]`. */
export interface SeLinuxPolicy {
  readonly process: string;
  readonly file: string;
  /** The type of processes that nothing separates from the host; '' where the policy has none. */
  readonly unseparated: string;
}

/** A device node of the host. */
export interface HostDevice {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What was looked up on the host before the document is made (`lookUpHost`); tests give tables. */
export interface HostLookups {
  /** The path without symbolic links; undefined when there is nothing. */
  realPath(path: string): string | undefined;
  /** How the mount that `path` lies on passes events on. */
  propagation(path: string): { readonly kind: 'shared' | 'slave' | 'private'; readonly mountPoint: string };
  /** A device node gives itself, a directory every node below it; undefined when there is nothing. */
  devices(path: string): readonly HostDevice[] | undefined;
  /** A seccomp profile's text. Throws where it cannot be read. */
  readText(path: string): string;
  /** Names of the AppArmor profiles that are loaded. */
  appArmorProfiles(): readonly string[];
}

/** Whom the container's processes run as. */
export interface ContainerAccount {
  readonly uid: number;
  readonly gid: number;
  /** Ascending, the primary group among them (as containerd has it: CVE-2022-36109). */
  readonly additionalGids: readonly number[];
  /** From /etc/passwd, for HOME; '' when the user is not listed there. */
  readonly home: string;
}

/** All that a container's document is made from. */
export interface ContainerSpecInput {
  readonly sandboxId: string;
  readonly containerId: string;
  readonly sandbox: PodSandboxConfig;
  readonly container: ContainerConfig;
  readonly image: ImageConfig;
  /** As asked for: goes into an annotation. */
  readonly imageName: string;
  readonly account: ContainerAccount;
  readonly hostname: string;
  /** '' on the host's network. */
  readonly netnsPath: string;
  /** '' without a user namespace. */
  readonly usernsPath: string;
  /** Of the pod's directory, shown in the container unless it mounts its own; '' where there is none. */
  readonly files: { readonly hostname: string; readonly hosts: string; readonly resolvConf: string };
  /** Where the directories of the volumes lie that the image declares; '' makes none. */
  readonly volumesDirectory: string;
  /** OCI's `cgroupsPath`; see resources/. */
  readonly cgroupsPath: string;
  /** The pod's own; '' without SELinux. */
  readonly seLinuxLevel: string;
}

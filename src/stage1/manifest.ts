/**
 * The pod manifest: what stage0 resolved and stage1 executes. Plain data; `docs/stage1-contract.md` is its prose and
 * `docs/on-disk-layout.md` says where each file lies. Times are nanoseconds, sizes bytes, paths absolute on the host
 * unless said otherwise.
 */

/** Version of the contract that this release speaks: manifests and control protocol together. See `docs/releases.md`. */
export const CONTRACT_VERSION = 2;

export type PodOwner = 'cri' | 'cli';
export type Flavor = 'namespaces' | 'kvm' | 'host';
export type CgroupDriver = 'cgroupfs' | 'systemd';

/** `<pod dir>/pod.json`, written once before stage1 starts. */
export interface PodManifest {
  readonly contractVersion: number;
  readonly id: string;
  readonly owner: PodOwner;
  readonly flavor: Flavor;
  /** Where the control socket is made. */
  readonly controlSocket: string;
  readonly hostname: string;
  readonly namespaces: PodNamespaces;
  readonly cgroup: PodCgroup;
  /** Namespaced sysctls, applied in the pod's own namespaces: name with dots → value. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Size of the tmpfs that the pod's apps share as /dev/shm; 0: the apps use the host's (ipc: 'host'). */
  readonly shmSize: number;
  /** Linux security of the sandbox's own helper (PID 1 of a shared pid namespace): an SELinux label, or none. */
  readonly selinuxLabel?: string;
  /** Apps started in this order without a server (`gantry run`); empty for pods that CRI makes. */
  readonly apps: readonly string[];
  /** Run in the host's namespaces when the pod has ended, before stage1 exits. */
  readonly onExit?: readonly string[];
}

export interface PodNamespaces {
  /** The pod's network namespace, bound by stage0 before launch; absent: the host's. */
  readonly network?: string;
  /** The pod's user namespace, bound likewise; absent: the host's. The network namespace belongs to it. */
  readonly user?: string;
  readonly ipc: 'pod' | 'host';
  readonly uts: 'pod' | 'host';
  /** 'pod': one namespace for all apps, with stage1's small init as PID 1. 'app': each app its own. */
  readonly pid: 'pod' | 'app' | 'host';
}

export interface PodCgroup {
  readonly driver: CgroupDriver;
  /**
   * cgroupfs: the leaf for stage1 itself, below each hierarchy's mount point (`/kubepods/…/<pod id>`), made by stage1.
   * systemd: stage1 waits until it was placed (ContinuePod). Empty: stay where stage1 was started (`cli` pods).
   */
  readonly path: string;
}

/** `<pod dir>/apps/<app id>/app.json`, beside the OCI runtime-spec document in `config.json`. */
export interface AppManifest {
  readonly contractVersion: number;
  readonly id: string;
  /** Name within the pod; `after` refers to it. */
  readonly name: string;
  readonly rootfs: AppRootfs;
  /** What mounts of the document with the source `gantry:image/<index>` show. */
  readonly imageVolumes?: readonly ImageVolume[];
  /** Directories of the app's own, filled from the image before the app is made, where they are empty. */
  readonly volumes?: readonly AppVolume[];
  readonly stdin: boolean;
  /** Close the app's stdin when the first attached stdin stream ends. */
  readonly stdinOnce: boolean;
  readonly log: LogSink;
  /** A signal's number; the image's STOPSIGNAL or SIGTERM. */
  readonly stopSignal: number;
  /** The pid namespace to join in place of the pod's own arrangement: the app whose processes are to be seen (CRI's TARGET). */
  readonly pidTarget?: string;
  /** See PodNamespaces.pid; an app may differ from its pod (CRI decides a container at a time). */
  readonly pid: 'pod' | 'app' | 'host';
  readonly after: readonly string[];
  readonly restart?: {
    readonly policy: 'never' | 'on-failure' | 'always';
    readonly backoffInitial: number;
    readonly backoffMax: number;
  };
  readonly probes: readonly AppProbe[];
}

export type AppRootfs =
  | {
      readonly kind: 'layers';
      /** Lowest first. stage1 stacks them with overlayfs in the app's own mount namespace. */
      readonly layers: readonly LayerMount[];
      /** Directory for upper and work; it exists, and is empty when the app is created first. Absent: read-only without an upper. */
      readonly writable?: string;
      /**
       * A directory that shows below all layers where there is an upper: what every document mounts something on need not be
       * made in each upper. stage1 may do without it.
       */
      readonly mountPoints?: string;
    }
  | { readonly kind: 'directory'; readonly path: string };

/** An image shown inside of an app, read-only. */
export interface ImageVolume {
  /** Lowest first; none: an empty directory. */
  readonly layers: readonly LayerMount[];
  /** A directory or file within the image, looked up without ever leaving it; absent: the whole image. */
  readonly subPath?: string;
}

/** What an image declares as a volume. The document mounts `directory` wherever it is to be. */
export interface AppVolume {
  readonly directory: string;
  /** Where the image has what it is filled with: owner, mode and content. */
  readonly destination: string;
}

export interface LayerMount {
  /** Where the image store has it mounted, read-only. */
  readonly mountpoint: string;
  /** Of the layer's file: what was verified when it was mounted. */
  readonly digest: string;
  readonly file: string;
  readonly format: 'erofs' | 'directory';
}

export type LogSink =
  /** CRI's log format (kubernetes/design-proposals-archive, kubelet-cri-logging); `path` is absolute. */
  | { readonly kind: 'cri'; readonly path: string }
  | { readonly kind: 'journald'; readonly identifier: string }
  | { readonly kind: 'inherit' }
  | { readonly kind: 'none' };

export interface AppProbe {
  readonly kind: 'liveness' | 'readiness' | 'startup';
  readonly argv: readonly string[];
  readonly initialDelay: number;
  readonly period: number;
  readonly timeout: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

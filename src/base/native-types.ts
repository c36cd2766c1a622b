/**
 * What `addon/binding` exports, a section a source file there. All calls are synchronous and short unless they return a
 * promise (those run on libuv's thread pool). Errors: an Error with `code` (errno name), `errno`, `operation`, `subject`.
 */
export interface NativeBinding {
  // --- lock.cc: open-file-description locks (fcntl(2), F_OFD_SETLK) ---
  /** Creates (or opens) a regular file, takes its exclusive lock and returns the descriptor; EAGAIN when held. */
  lockTake(path: string): number;
  /** Whether somebody holds the lock, asked with F_OFD_GETLK, without ever taking it. False where the file is absent. */
  lockHeld(path: string): boolean;

  // --- process.cc ---
  /**
   * Starts a program by vfork and exec: its own session, default signal dispositions, empty mask, the descriptors of
   * `fds` at 0, 1, 2 … in that order (-1: /dev/null) and no others, exactly `env`, working directory /. The soft limit of
   * open files is what GANTRY_NOFILE says (bin/gantry notes there what it was started with), else 1024: Node raised ours.
   * `argv[0]` is a path. Returns its pid; throws what exec said (ENOENT, EACCES …). `cgroup` and `executable` are
   * descriptors, -1 for none: of the v2 cgroup to be born in (where the kernel refuses, it is born where we are), and of the
   * program's file, in place of `argv[0]`.
   */
  spawn(
    argv: readonly string[],
    env: readonly string[],
    fds: readonly number[],
    cgroup?: number,
    executable?: number,
  ): number;
  /** A descriptor of the file at `path` in a read-only mount that is attached nowhere: nobody can write to what runs from it. */
  pinExecutable(path: string): number;
  /**
   * Makes `path` in the v2 hierarchy and hands controllers down to it. Its directory's descriptor, whether it is new, and how
   * many of its parents are. Undefined where there is no such hierarchy.
   */
  makeUnifiedCgroup(path: string): { fd: number; isNew: boolean; newParents: number } | undefined;
  /** waitpid(WNOHANG) of a child made by spawn(): its wait status, or undefined while it runs. */
  reap(pid: number): number | undefined;
  /**
   * SIGKILL to every process in a cgroup's directory and in those below it, by descriptors: to nobody who got the number of a
   * process that has just ended. Those who are born meanwhile are missed.
   */
  cgroupKillMembers(directory: string): void;
  /**
   * Becomes another program: signals, mask and limits as for spawn(), descriptors 0, 1, 2 and `keepFds` at their numbers
   * and no others, exactly `env`. Returns only by throwing.
   */
  execReplace(
    path: string,
    argv: readonly string[],
    env: readonly string[],
    keepFds: readonly number[],
  ): never;
  /** A connected pair of stream sockets, close-on-exec. */
  socketPair(): [number, number];
  closeFd(fd: number): void;

  // --- namespace.cc ---
  /**
   * Makes the directory for namespaces as ip-netns(8) does: 0755, a mount point of its own with shared propagation.
   * Idempotent, cheap where it is done. `oldKernel`, for tests: as before Linux 5.12.
   */
  netnsDirectory(path: string, oldKernel?: boolean): Promise<void>;
  /** Makes a network namespace (in user namespace `userns`, or the host's), `lo` up, bound at `path`. EEXIST if taken. */
  netnsCreate(path: string, userns?: string): Promise<void>;
  /** Unmounts and removes it. Idempotent. */
  netnsRemove(path: string): Promise<void>;
  /**
   * A TCP connection to a port on the namespace's loopback, v4 then v6; its descriptor. ECONNREFUSED. What listens and does
   * not accept is connected still when this resolves: reading and writing wait for it.
   */
  netnsConnect(path: string, port: number): Promise<number>;
  /**
   * Writes values to files below /proc/sys/net (`ipv4/conf/eth0/arp_notify`) of the namespace, in this order, until one fails.
   * ENOENT: no such interface or setting.
   */
  netnsSysctls(path: string, names: readonly string[], values: readonly string[]): Promise<void>;
  /** Makes a user namespace, bound at `path`. A map is the text of /proc/PID/uid_map: lines of "inside outside count". */
  usernsCreate(path: string, uidMap: string, gidMap: string): Promise<void>;
  /** Like netnsRemove. */
  usernsRemove(path: string): Promise<void>;

  // --- xattr.cc ---
  /** An extended attribute of `path` itself, as text; undefined where it has none. */
  xattrGet(path: string, name: string): string | undefined;

  // --- mount.cc ---
  /** Mounts an EROFS file read-only, private, at an existing directory: file-backed (directio), else by loop device. */
  mountErofs(file: string, target: string): Promise<void>;
  /** umount2(MNT_DETACH). Idempotent: a path that is no mount point is no error. */
  unmount(target: string): Promise<void>;
  /** Seals a file (open read-only, no writer) with fs-verity. EOPNOTSUPP where kernel or file system have none; EEXIST: sealed. */
  fsVerityEnable(fd: number): Promise<void>;
  /** `sha256:…` as the kernel measured it. ENODATA: not sealed; EOPNOTSUPP as above. */
  fsVerityMeasure(fd: number): string;

  // --- network.cc: links of the process's own network namespace (rtnetlink), packet rules (nftables) ---
  /** The bridge is there, up, and has these addresses and ports. EEXIST: a link of that name that is no bridge or has another alias. */
  bridgeEnsure(request: BridgeRequest): Promise<void>;
  /** A veth pair from the bridge into the pod's namespace, with addresses and default routes. ENODEV: no such bridge. */
  podLinkCreate(request: PodLinkRequest): Promise<void>;
  /** Idempotent. */
  linkDelete(name: string): Promise<void>;
  linkFind(name: string): LinkInfo | undefined;
  addressList(): { readonly link: string; readonly address: string }[];
  /** The lowest MTU among links with a default route, 0 without one. */
  defaultRouteMtu(): number;
  /** Runs nft(8) commands as one transaction by libnftables and returns their output. EOPNOTSUPP: the library is absent. */
  nft(commands: string, json?: boolean): Promise<string>;
  /** Makes the kernel forget tracked UDP flows to these ports: a flow keeps the translation that it began with. */
  udpFlowsForget(ports: readonly number[]): Promise<void>;

  // --- bus.cc ---
  /** D-Bus by libsystemd, which is loaded at the first use. */
  readonly Bus: NativeBusConstructor;

  // --- service.cc ---
  /** sd_notify(3): lines to the service manager's socket, a path or `@name` for an abstract one. ECONNREFUSED, ENOENT: nobody is there. */
  notify(socket: string, lines: string): void;
}

/** A value for a D-Bus type: 64-bit numbers are BigInts when they come back; arrays, structs and dict entries are arrays; a variant that goes out is [type, value]. */
export type BusValue = string | number | bigint | boolean | readonly BusValue[];

/** One connection, served by a thread of its own; it does not keep the process alive. */
export interface NativeBus {
  /**
   * A method call; resolves with the reply's values. Errors have `busError` besides, D-Bus' own name of the error, '' where the call
   * got no answer: ETIMEDOUT after `timeout` milliseconds, ENOTCONN and whatever ended the connection.
   */
  call(
    destination: string,
    path: string,
    interfaceName: string,
    member: string,
    signature: string,
    values: readonly BusValue[],
    timeout: number,
  ): Promise<BusValue[]>;
  /** Calls that are left fail, and `onClosed` follows. Idempotent. */
  close(): void;
}

export interface NativeBusConstructor {
  /**
   * Returns at once. `onClosed` comes once, after which every call fails; so do those before it that were not answered.
   * `isBus`: a message bus, which hands out names; false for a service's private socket. EOPNOTSUPP: no libsystemd here.
   */
  new (
    address: string,
    isBus: boolean,
    onSignal: (path: string, interfaceName: string, member: string, values: BusValue[]) => void,
    onClosed: (reason: Error) => void,
  ): NativeBus;
}

export interface BridgeRequest {
  readonly name: string;
  readonly mac: string;
  /** Whose the bridge is (`ip link` shows it). */
  readonly alias: string;
  readonly mtu: number;
  /** `10.88.0.1/16` */
  readonly addresses: readonly string[];
  /** Links that are to be its ports; those that are not there are passed over. */
  readonly ports: readonly string[];
}

export interface PodLinkRequest {
  readonly bridge: string;
  readonly hostName: string;
  readonly alias: string;
  /** Path of the pod's network namespace. */
  readonly netns: string;
  readonly podName: string;
  readonly mac: string;
  readonly mtu: number;
  readonly addresses: readonly string[];
  /** A default route by each. */
  readonly gateways: readonly string[];
}

export interface LinkInfo {
  readonly index: number;
  /** 'bridge', 'veth'; '' for a physical one. */
  readonly kind: string;
  readonly alias: string;
  readonly mac: string;
  readonly mtu: number;
  /** Index of the bridge that it is a port of, or 0. */
  readonly master: number;
  readonly up: boolean;
}

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
   * `argv[0]` is a path. Returns its pid; throws what exec said (ENOENT, EACCES …).
   */
  spawn(argv: readonly string[], env: readonly string[], fds: readonly number[]): number;
  /** waitpid(WNOHANG) of a child made by spawn(): its wait status, or undefined while it runs. */
  reap(pid: number): number | undefined;
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
  /** Makes a network namespace (in user namespace `userns`, or the host's), `lo` up, bound at `path`. EEXIST if taken. */
  netnsCreate(path: string, userns?: string): Promise<void>;
  /** Unmounts and removes it. Idempotent. */
  netnsRemove(path: string): Promise<void>;
  /** Makes a user namespace, bound at `path`. A map is the text of /proc/PID/uid_map: lines of "inside outside count". */
  usernsCreate(path: string, uidMap: string, gidMap: string): Promise<void>;
  /** Like netnsRemove. */
  usernsRemove(path: string): Promise<void>;

  // --- mount.cc ---
  /** Mounts an EROFS file read-only, private, at an existing directory: file-backed (directio), else by loop device. */
  mountErofs(file: string, target: string): Promise<void>;
  /** umount2(MNT_DETACH). Idempotent: a path that is no mount point is no error. */
  unmount(target: string): Promise<void>;
  /** Seals a file (open read-only, no writer) with fs-verity. EOPNOTSUPP where kernel or file system have none; EEXIST: sealed. */
  fsVerityEnable(fd: number): Promise<void>;
  /** `sha256:…` as the kernel measured it. ENODATA: not sealed; EOPNOTSUPP as above. */
  fsVerityMeasure(fd: number): string;
}

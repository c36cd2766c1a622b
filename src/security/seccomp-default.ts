import type { OciSeccomp, OciSeccompRule } from '../base/index.ts';

/**
 * The profile behind RuntimeDefault: what is named here is allowed, everything else gets EPERM. Equal in effect to
 * containerd's for the same capabilities, so that images which run there run here.
 */

/** Allowed to everybody, with any arguments. */
const always: readonly string[] = [
  // Files and directories.
  ...words(`
    access cachestat chdir chmod chown chown32 creat faccessat faccessat2 fallocate fanotify_mark fchdir
    fchmod fchmodat fchmodat2 fchown fchown32 fchownat fgetxattr flistxattr flock fremovexattr fsetxattr
    fstat fstat64 fstatat64 fstatfs fstatfs64 ftruncate ftruncate64 futimesat getcwd getdents getdents64
    getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown lchown32
    lgetxattr link linkat listmount listxattr listxattrat llistxattr lremovexattr lsetxattr lstat lstat64
    mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat
    removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat stat64 statfs
    statfs64 statmount statx symlink symlinkat truncate truncate64 umask unlink unlinkat utime utimensat
    utimensat_time64 utimes`),
  // Descriptors: reading, writing, waiting.
  ...words(`
    close close_range copy_file_range dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fadvise64 fadvise64_64 fcntl fcntl64
    fdatasync fsync io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit
    ioctl _llseek lseek _newselect pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6
    pselect6_time64 pwrite64 pwritev pwritev2 read readahead readv select sendfile sendfile64 signalfd
    signalfd4 splice sync sync_file_range syncfs tee timerfd_create timerfd_gettime timerfd_gettime64
    timerfd_settime timerfd_settime64 vmsplice write writev`),
  // Memory.
  ...words(`
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
    mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
    process_mrelease remap_file_pages`),
  // Processes and their identity.
  ...words(`
    capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getegid
    getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid
    getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid
    getuid getuid32 ioprio_get ioprio_set landlock_add_rule landlock_create_ruleset landlock_restrict_self
    lsm_get_self_attr lsm_list_modules lsm_set_self_attr pidfd_open pidfd_send_signal prctl prlimit64 rseq
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address
    setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority
    setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
    setuid setuid32 sysinfo times ugetrlimit uname uretprobe vfork wait4 waitid waitpid`),
  // Signals, time and futexes.
  ...words(`
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 futex futex_requeue futex_time64 futex_wait
    futex_waitv futex_wake getitimer gettimeofday kill nanosleep pause restart_syscall rt_sigaction
    rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaltstack sigprocmask sigreturn tgkill time
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
    tkill`),
  // Sockets.
  ...words(`
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`),
  // System V and POSIX IPC.
  ...words(`
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
    semtimedop_time64 shmat shmctl shmdt shmget`),
];

/** Allowed to whoever's bounding set holds the capability that the kernel asks for anyway. */
const byCapability: Readonly<Record<string, readonly string[]>> = {
  CAP_BPF: ['bpf'],
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_PERFMON: ['perf_event_open'],
  CAP_SYSLOG: ['syslog'],
  CAP_SYS_ADMIN: words(`
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
    open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`),
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_CHROOT: ['chroot'],
  CAP_SYS_MODULE: words('delete_module finit_module init_module'),
  CAP_SYS_NICE: words('get_mempolicy mbind set_mempolicy set_mempolicy_home_node'),
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: words('kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace'),
  CAP_SYS_RAWIO: words('ioperm iopl'),
  CAP_SYS_TIME: words('clock_settime clock_settime64 settimeofday stime'),
  CAP_SYS_TTY_CONFIG: ['vhangup'],
};

interface Architecture {
  /** Every ABI that the kernel offers: a filter without one of them could be walked around through it. */
  readonly abis: readonly string[];
  readonly calls: readonly string[];
}

/** By Node's word for the processor. */
const architectures: Readonly<Record<string, Architecture>> = {
  x64: { abis: ['X86_64', 'X86', 'X32'], calls: ['arch_prctl', 'modify_ldt'] },
  arm64: {
    abis: ['ARM', 'AARCH64'],
    calls: words('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls'),
  },
};

const familyAlg = 38;
const familyVsock = 40;

/**
 * socket(2) but for AF_ALG (the kernel's crypto, rich in holes) and AF_VSOCK (which no network namespace confines).
 * Three ranges with one condition each, since conditions on one argument within a rule are not all enforced.
 */
const sockets: readonly OciSeccompRule[] = [
  allow(['socket'], [{ index: 0, value: familyAlg, op: 'SCMP_CMP_LT' }]),
  allow(['socket'], [{ index: 0, value: familyAlg + 1, op: 'SCMP_CMP_EQ' }]),
  allow(['socket'], [{ index: 0, value: familyVsock, op: 'SCMP_CMP_GT' }]),
];

/** PER_LINUX, PER_LINUX32, UNAME26 with either, and the query. */
const personalities: readonly OciSeccompRule[] = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff].map((value) =>
  allow(['personality'], [{ index: 0, value, op: 'SCMP_CMP_EQ' }]),
);

/** CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}. */
const newNamespaces = 0x7e020000;
const errnoNoSystemCall = 38;

/** Without CAP_SYS_ADMIN: clone(2) for threads and processes, not for namespaces; clone3 'does not exist', its flags being out of a filter's sight. */
const ordinaryClone: readonly OciSeccompRule[] = [
  allow(['clone'], [{ index: 0, value: newNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: errnoNoSystemCall },
];

/** The profile for a container with these capabilities in its bounding set. */
export function defaultSeccomp(bounding: readonly string[], architecture: string): OciSeccomp {
  const machine = architectures[architecture] ?? { abis: [], calls: [] };
  // ptrace(2) and its kin cannot get past a filter since Linux 4.8, and the kernel checks who may be traced.
  const names = [...always, ...words('process_vm_readv process_vm_writev ptrace'), ...machine.calls];
  for (const capability of bounding) names.push(...(byCapability[capability] ?? []));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: machine.abis.map((abi) => `SCMP_ARCH_${abi}`),
    syscalls: [
      allow([...new Set(names)]),
      ...sockets,
      ...personalities,
      ...(bounding.includes('CAP_SYS_ADMIN') ? [] : ordinaryClone),
    ],
  };
}

function allow(names: string[], args?: NonNullable<OciSeccompRule['args']>): OciSeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args ? { args } : {}) };
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

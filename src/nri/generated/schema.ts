// Written by proto/generate.ts from proto/nri/nri.proto. Do not edit.

/** Message → field → its shape, its type (a scalar, or the name of a message or an enum) and its name in the file. */
export const fields = {
  RegisterPluginRequest: {
    pluginName: ['one', 'string', 'plugin_name'],
    pluginIdx: ['one', 'string', 'plugin_idx'],
    NRIVersion: ['one', 'string', 'NRI_version'],
  },
  UpdateContainersRequest: {
    update: ['list', 'ContainerUpdate', 'update'],
    evict: ['list', 'ContainerEviction', 'evict'],
  },
  UpdateContainersResponse: {
    failed: ['list', 'ContainerUpdate', 'failed'],
  },
  LogRequest: {
    msg: ['one', 'string', 'msg'],
    level: ['one', 'LogRequestLevel', 'level'],
  },
  ConfigureRequest: {
    config: ['one', 'string', 'config'],
    runtimeName: ['one', 'string', 'runtime_name'],
    runtimeVersion: ['one', 'string', 'runtime_version'],
    registrationTimeout: ['one', 'int64', 'registration_timeout'],
    requestTimeout: ['one', 'int64', 'request_timeout'],
    NRIVersion: ['one', 'string', 'NRI_version'],
  },
  ConfigureResponse: {
    events: ['one', 'int32', 'events'],
  },
  SynchronizeRequest: {
    pods: ['list', 'PodSandbox', 'pods'],
    containers: ['list', 'Container', 'containers'],
    more: ['one', 'bool', 'more'],
  },
  SynchronizeResponse: {
    update: ['list', 'ContainerUpdate', 'update'],
    more: ['one', 'bool', 'more'],
  },
  RunPodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
  },
  RunPodSandboxResponse: {},
  UpdatePodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    overheadLinuxResources: ['one', 'LinuxResources', 'overhead_linux_resources'],
    linuxResources: ['one', 'LinuxResources', 'linux_resources'],
  },
  UpdatePodSandboxResponse: {},
  PostUpdatePodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
  },
  PostUpdatePodSandboxResponse: {},
  StopPodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
  },
  StopPodSandboxResponse: {},
  RemovePodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
  },
  RemovePodSandboxResponse: {},
  CreateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  CreateContainerResponse: {
    adjust: ['one', 'ContainerAdjustment', 'adjust'],
    update: ['list', 'ContainerUpdate', 'update'],
    evict: ['list', 'ContainerEviction', 'evict'],
  },
  PostCreateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  PostCreateContainerResponse: {},
  StartContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  StartContainerResponse: {},
  PostStartContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  PostStartContainerResponse: {},
  UpdateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
    linuxResources: ['one', 'LinuxResources', 'linux_resources'],
  },
  UpdateContainerResponse: {
    update: ['list', 'ContainerUpdate', 'update'],
    evict: ['list', 'ContainerEviction', 'evict'],
  },
  PostUpdateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  PostUpdateContainerResponse: {},
  StopContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  StopContainerResponse: {
    update: ['list', 'ContainerUpdate', 'update'],
  },
  RemoveContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  RemoveContainerResponse: {},
  StateChangeEvent: {
    event: ['one', 'Event', 'event'],
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
  },
  ValidateContainerAdjustmentRequest: {
    pod: ['one', 'PodSandbox', 'pod'],
    container: ['one', 'Container', 'container'],
    adjust: ['one', 'ContainerAdjustment', 'adjust'],
    update: ['list', 'ContainerUpdate', 'update'],
    owners: ['one', 'OwningPlugins', 'owners'],
    plugins: ['list', 'PluginInstance', 'plugins'],
  },
  PluginInstance: {
    name: ['one', 'string', 'name'],
    index: ['one', 'string', 'index'],
  },
  ValidateContainerAdjustmentResponse: {
    reject: ['one', 'bool', 'reject'],
    reason: ['one', 'string', 'reason'],
  },
  Empty: {},
  PodSandbox: {
    id: ['one', 'string', 'id'],
    name: ['one', 'string', 'name'],
    uid: ['one', 'string', 'uid'],
    namespace: ['one', 'string', 'namespace'],
    labels: ['map', 'string', 'labels'],
    annotations: ['map', 'string', 'annotations'],
    runtimeHandler: ['one', 'string', 'runtime_handler'],
    linux: ['one', 'LinuxPodSandbox', 'linux'],
    pid: ['one', 'uint32', 'pid'],
    ips: ['list', 'string', 'ips'],
  },
  LinuxPodSandbox: {
    podOverhead: ['one', 'LinuxResources', 'pod_overhead'],
    podResources: ['one', 'LinuxResources', 'pod_resources'],
    cgroupParent: ['one', 'string', 'cgroup_parent'],
    cgroupsPath: ['one', 'string', 'cgroups_path'],
    namespaces: ['list', 'LinuxNamespace', 'namespaces'],
    resources: ['one', 'LinuxResources', 'resources'],
  },
  Container: {
    id: ['one', 'string', 'id'],
    podSandboxId: ['one', 'string', 'pod_sandbox_id'],
    name: ['one', 'string', 'name'],
    state: ['one', 'ContainerState', 'state'],
    labels: ['map', 'string', 'labels'],
    annotations: ['map', 'string', 'annotations'],
    args: ['list', 'string', 'args'],
    env: ['list', 'string', 'env'],
    mounts: ['list', 'Mount', 'mounts'],
    hooks: ['one', 'Hooks', 'hooks'],
    linux: ['one', 'LinuxContainer', 'linux'],
    pid: ['one', 'uint32', 'pid'],
    rlimits: ['list', 'POSIXRlimit', 'rlimits'],
    createdAt: ['one', 'int64', 'created_at'],
    startedAt: ['one', 'int64', 'started_at'],
    finishedAt: ['one', 'int64', 'finished_at'],
    exitCode: ['one', 'int32', 'exit_code'],
    statusReason: ['one', 'string', 'status_reason'],
    statusMessage: ['one', 'string', 'status_message'],
    CDIDevices: ['list', 'CDIDevice', 'CDI_devices'],
    user: ['one', 'User', 'user'],
  },
  Mount: {
    destination: ['one', 'string', 'destination'],
    type: ['one', 'string', 'type'],
    source: ['one', 'string', 'source'],
    options: ['list', 'string', 'options'],
  },
  Hooks: {
    prestart: ['list', 'Hook', 'prestart'],
    createRuntime: ['list', 'Hook', 'create_runtime'],
    createContainer: ['list', 'Hook', 'create_container'],
    startContainer: ['list', 'Hook', 'start_container'],
    poststart: ['list', 'Hook', 'poststart'],
    poststop: ['list', 'Hook', 'poststop'],
  },
  Hook: {
    path: ['one', 'string', 'path'],
    args: ['list', 'string', 'args'],
    env: ['list', 'string', 'env'],
    timeout: ['one', 'OptionalInt', 'timeout'],
  },
  LinuxContainer: {
    namespaces: ['list', 'LinuxNamespace', 'namespaces'],
    devices: ['list', 'LinuxDevice', 'devices'],
    resources: ['one', 'LinuxResources', 'resources'],
    oomScoreAdj: ['one', 'OptionalInt', 'oom_score_adj'],
    cgroupsPath: ['one', 'string', 'cgroups_path'],
    ioPriority: ['one', 'LinuxIOPriority', 'io_priority'],
    seccompProfile: ['one', 'SecurityProfile', 'seccomp_profile'],
    seccompPolicy: ['one', 'LinuxSeccomp', 'seccomp_policy'],
    sysctl: ['map', 'string', 'sysctl'],
    netDevices: ['map', 'LinuxNetDevice', 'net_devices'],
    scheduler: ['one', 'LinuxScheduler', 'scheduler'],
    rdt: ['one', 'LinuxRdt', 'rdt'],
  },
  LinuxNamespace: {
    type: ['one', 'string', 'type'],
    path: ['one', 'string', 'path'],
  },
  LinuxDevice: {
    path: ['one', 'string', 'path'],
    type: ['one', 'string', 'type'],
    major: ['one', 'int64', 'major'],
    minor: ['one', 'int64', 'minor'],
    fileMode: ['one', 'OptionalFileMode', 'file_mode'],
    uid: ['one', 'OptionalUInt32', 'uid'],
    gid: ['one', 'OptionalUInt32', 'gid'],
  },
  LinuxDeviceCgroup: {
    allow: ['one', 'bool', 'allow'],
    type: ['one', 'string', 'type'],
    major: ['one', 'OptionalInt64', 'major'],
    minor: ['one', 'OptionalInt64', 'minor'],
    access: ['one', 'string', 'access'],
  },
  CDIDevice: {
    name: ['one', 'string', 'name'],
  },
  User: {
    uid: ['one', 'uint32', 'uid'],
    gid: ['one', 'uint32', 'gid'],
    additionalGids: ['list', 'uint32', 'additional_gids'],
  },
  LinuxResources: {
    memory: ['one', 'LinuxMemory', 'memory'],
    cpu: ['one', 'LinuxCPU', 'cpu'],
    hugepageLimits: ['list', 'HugepageLimit', 'hugepage_limits'],
    blockioClass: ['one', 'OptionalString', 'blockio_class'],
    rdtClass: ['one', 'OptionalString', 'rdt_class'],
    unified: ['map', 'string', 'unified'],
    devices: ['list', 'LinuxDeviceCgroup', 'devices'],
    pids: ['one', 'LinuxPids', 'pids'],
  },
  LinuxMemory: {
    limit: ['one', 'OptionalInt64', 'limit'],
    reservation: ['one', 'OptionalInt64', 'reservation'],
    swap: ['one', 'OptionalInt64', 'swap'],
    kernel: ['one', 'OptionalInt64', 'kernel'],
    kernelTcp: ['one', 'OptionalInt64', 'kernel_tcp'],
    swappiness: ['one', 'OptionalUInt64', 'swappiness'],
    disableOomKiller: ['one', 'OptionalBool', 'disable_oom_killer'],
    useHierarchy: ['one', 'OptionalBool', 'use_hierarchy'],
  },
  LinuxCPU: {
    shares: ['one', 'OptionalUInt64', 'shares'],
    quota: ['one', 'OptionalInt64', 'quota'],
    period: ['one', 'OptionalUInt64', 'period'],
    realtimeRuntime: ['one', 'OptionalInt64', 'realtime_runtime'],
    realtimePeriod: ['one', 'OptionalUInt64', 'realtime_period'],
    cpus: ['one', 'string', 'cpus'],
    mems: ['one', 'string', 'mems'],
  },
  HugepageLimit: {
    pageSize: ['one', 'string', 'page_size'],
    limit: ['one', 'uint64', 'limit'],
  },
  SecurityProfile: {
    profileType: ['one', 'SecurityProfileProfileType', 'profile_type'],
    localhostRef: ['one', 'string', 'localhost_ref'],
  },
  POSIXRlimit: {
    type: ['one', 'string', 'type'],
    hard: ['one', 'uint64', 'hard'],
    soft: ['one', 'uint64', 'soft'],
  },
  LinuxPids: {
    limit: ['one', 'int64', 'limit'],
  },
  LinuxIOPriority: {
    class: ['one', 'IOPrioClass', 'class'],
    priority: ['one', 'int32', 'priority'],
  },
  LinuxNetDevice: {
    name: ['one', 'string', 'name'],
  },
  LinuxScheduler: {
    policy: ['one', 'LinuxSchedulerPolicy', 'policy'],
    nice: ['one', 'int32', 'nice'],
    priority: ['one', 'int32', 'priority'],
    flags: ['list', 'LinuxSchedulerFlag', 'flags'],
    runtime: ['one', 'uint64', 'runtime'],
    deadline: ['one', 'uint64', 'deadline'],
    period: ['one', 'uint64', 'period'],
  },
  ContainerAdjustment: {
    annotations: ['map', 'string', 'annotations'],
    mounts: ['list', 'Mount', 'mounts'],
    env: ['list', 'KeyValue', 'env'],
    hooks: ['one', 'Hooks', 'hooks'],
    linux: ['one', 'LinuxContainerAdjustment', 'linux'],
    rlimits: ['list', 'POSIXRlimit', 'rlimits'],
    CDIDevices: ['list', 'CDIDevice', 'CDI_devices'],
    args: ['list', 'string', 'args'],
  },
  LinuxContainerAdjustment: {
    devices: ['list', 'LinuxDevice', 'devices'],
    resources: ['one', 'LinuxResources', 'resources'],
    cgroupsPath: ['one', 'string', 'cgroups_path'],
    oomScoreAdj: ['one', 'OptionalInt', 'oom_score_adj'],
    ioPriority: ['one', 'LinuxIOPriority', 'io_priority'],
    seccompPolicy: ['one', 'LinuxSeccomp', 'seccomp_policy'],
    namespaces: ['list', 'LinuxNamespace', 'namespaces'],
    sysctl: ['map', 'string', 'sysctl'],
    netDevices: ['map', 'LinuxNetDevice', 'net_devices'],
    scheduler: ['one', 'LinuxScheduler', 'scheduler'],
    rdt: ['one', 'LinuxRdt', 'rdt'],
    memoryPolicy: ['one', 'LinuxMemoryPolicy', 'memory_policy'],
  },
  LinuxSeccomp: {
    defaultAction: ['one', 'string', 'default_action'],
    defaultErrno: ['one', 'OptionalUInt32', 'default_errno'],
    architectures: ['list', 'string', 'architectures'],
    flags: ['list', 'string', 'flags'],
    listenerPath: ['one', 'string', 'listener_path'],
    listenerMetadata: ['one', 'string', 'listener_metadata'],
    syscalls: ['list', 'LinuxSyscall', 'syscalls'],
  },
  LinuxSyscall: {
    names: ['list', 'string', 'names'],
    action: ['one', 'string', 'action'],
    errnoRet: ['one', 'OptionalUInt32', 'errno_ret'],
    args: ['list', 'LinuxSeccompArg', 'args'],
  },
  LinuxSeccompArg: {
    index: ['one', 'uint32', 'index'],
    value: ['one', 'uint64', 'value'],
    valueTwo: ['one', 'uint64', 'value_two'],
    op: ['one', 'string', 'op'],
  },
  LinuxMemoryPolicy: {
    mode: ['one', 'MpolMode', 'mode'],
    nodes: ['one', 'string', 'nodes'],
    flags: ['list', 'MpolFlag', 'flags'],
  },
  ContainerUpdate: {
    containerId: ['one', 'string', 'container_id'],
    linux: ['one', 'LinuxContainerUpdate', 'linux'],
    ignoreFailure: ['one', 'bool', 'ignore_failure'],
  },
  LinuxContainerUpdate: {
    resources: ['one', 'LinuxResources', 'resources'],
  },
  ContainerEviction: {
    containerId: ['one', 'string', 'container_id'],
    reason: ['one', 'string', 'reason'],
  },
  LinuxRdt: {
    closId: ['one', 'OptionalString', 'clos_id'],
    schemata: ['one', 'OptionalRepeatedString', 'schemata'],
    enableMonitoring: ['one', 'OptionalBool', 'enable_monitoring'],
    remove: ['one', 'bool', 'remove'],
  },
  KeyValue: {
    key: ['one', 'string', 'key'],
    value: ['one', 'string', 'value'],
  },
  OptionalString: {
    value: ['one', 'string', 'value'],
  },
  OptionalRepeatedString: {
    value: ['list', 'string', 'value'],
  },
  OptionalInt: {
    value: ['one', 'int64', 'value'],
  },
  OptionalInt32: {
    value: ['one', 'int32', 'value'],
  },
  OptionalUInt32: {
    value: ['one', 'uint32', 'value'],
  },
  OptionalInt64: {
    value: ['one', 'int64', 'value'],
  },
  OptionalUInt64: {
    value: ['one', 'uint64', 'value'],
  },
  OptionalBool: {
    value: ['one', 'bool', 'value'],
  },
  OptionalFileMode: {
    value: ['one', 'uint32', 'value'],
  },
  CompoundFieldOwners: {
    owners: ['map', 'string', 'owners'],
  },
  FieldOwners: {
    simple: ['map', 'string', 'simple'],
    compound: ['map', 'CompoundFieldOwners', 'compound'],
  },
  OwningPlugins: {
    owners: ['map', 'FieldOwners', 'owners'],
  },
} as const;

/** Enum → its names; the first is the default. */
export const enums = {
  LogRequestLevel: ['LEVEL_UNSPECIFIED', 'LEVEL_DEBUG', 'LEVEL_INFO', 'LEVEL_WARN', 'LEVEL_ERROR'],
  SecurityProfileProfileType: ['RUNTIME_DEFAULT', 'UNCONFINED', 'LOCALHOST'],
  Event: ['UNKNOWN', 'RUN_POD_SANDBOX', 'STOP_POD_SANDBOX', 'REMOVE_POD_SANDBOX', 'CREATE_CONTAINER', 'POST_CREATE_CONTAINER', 'START_CONTAINER', 'POST_START_CONTAINER', 'UPDATE_CONTAINER', 'POST_UPDATE_CONTAINER', 'STOP_CONTAINER', 'REMOVE_CONTAINER', 'UPDATE_POD_SANDBOX', 'POST_UPDATE_POD_SANDBOX', 'VALIDATE_CONTAINER_ADJUSTMENT', 'LAST'],
  ContainerState: ['CONTAINER_UNKNOWN', 'CONTAINER_CREATED', 'CONTAINER_PAUSED', 'CONTAINER_RUNNING', 'CONTAINER_STOPPED'],
  IOPrioClass: ['IOPRIO_CLASS_NONE', 'IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE'],
  LinuxSchedulerPolicy: ['SCHED_NONE', 'SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', 'SCHED_ISO', 'SCHED_IDLE', 'SCHED_DEADLINE'],
  LinuxSchedulerFlag: ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_RECLAIM', 'SCHED_FLAG_DL_OVERRUN', 'SCHED_FLAG_KEEP_POLICY', 'SCHED_FLAG_KEEP_PARAMS', 'SCHED_FLAG_UTIL_CLAMP_MIN', 'SCHED_FLAG_UTIL_CLAMP_MAX'],
  MpolMode: ['MPOL_DEFAULT', 'MPOL_PREFERRED', 'MPOL_BIND', 'MPOL_INTERLEAVE', 'MPOL_LOCAL', 'MPOL_PREFERRED_MANY', 'MPOL_WEIGHTED_INTERLEAVE'],
  MpolFlag: ['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES', 'MPOL_F_NUMA_BALANCING'],
  Field: ['None', 'Annotations', 'Mounts', 'OciHooks', 'Devices', 'CdiDevices', 'Env', 'Args', 'MemLimit', 'MemReservation', 'MemSwapLimit', 'MemKernelLimit', 'MemTCPLimit', 'MemSwappiness', 'MemDisableOomKiller', 'MemUseHierarchy', 'CPUShares', 'CPUQuota', 'CPUPeriod', 'CPURealtimeRuntime', 'CPURealtimePeriod', 'CPUSetCPUs', 'CPUSetMems', 'PidsLimit', 'HugepageLimits', 'BlockioClass', 'RdtClass', 'CgroupsUnified', 'CgroupsPath', 'OomScoreAdj', 'Rlimits', 'IoPriority', 'SeccompPolicy', 'Namespace', 'Sysctl', 'LinuxNetDevices', 'LinuxSched', 'RdtClosID', 'RdtSchemata', 'RdtEnableMonitoring', 'MemoryPolicy'],
} as const;

export const runtime = {
  RegisterPlugin: { request: 'RegisterPluginRequest', response: 'Empty', stream: false },
  UpdateContainers: { request: 'UpdateContainersRequest', response: 'UpdateContainersResponse', stream: false },
} as const;

export const plugin = {
  Configure: { request: 'ConfigureRequest', response: 'ConfigureResponse', stream: false },
  Synchronize: { request: 'SynchronizeRequest', response: 'SynchronizeResponse', stream: false },
  Shutdown: { request: 'Empty', response: 'Empty', stream: false },
  RunPodSandbox: { request: 'RunPodSandboxRequest', response: 'RunPodSandboxResponse', stream: false },
  UpdatePodSandbox: { request: 'UpdatePodSandboxRequest', response: 'UpdatePodSandboxResponse', stream: false },
  PostUpdatePodSandbox: { request: 'PostUpdatePodSandboxRequest', response: 'PostUpdatePodSandboxResponse', stream: false },
  StopPodSandbox: { request: 'StopPodSandboxRequest', response: 'StopPodSandboxResponse', stream: false },
  RemovePodSandbox: { request: 'RemovePodSandboxRequest', response: 'RemovePodSandboxResponse', stream: false },
  CreateContainer: { request: 'CreateContainerRequest', response: 'CreateContainerResponse', stream: false },
  PostCreateContainer: { request: 'PostCreateContainerRequest', response: 'PostCreateContainerResponse', stream: false },
  StartContainer: { request: 'StartContainerRequest', response: 'StartContainerResponse', stream: false },
  PostStartContainer: { request: 'PostStartContainerRequest', response: 'PostStartContainerResponse', stream: false },
  UpdateContainer: { request: 'UpdateContainerRequest', response: 'UpdateContainerResponse', stream: false },
  PostUpdateContainer: { request: 'PostUpdateContainerRequest', response: 'PostUpdateContainerResponse', stream: false },
  StopContainer: { request: 'StopContainerRequest', response: 'StopContainerResponse', stream: false },
  RemoveContainer: { request: 'RemoveContainerRequest', response: 'RemoveContainerResponse', stream: false },
  StateChange: { request: 'StateChangeEvent', response: 'Empty', stream: false },
  ValidateContainerAdjustment: { request: 'ValidateContainerAdjustmentRequest', response: 'ValidateContainerAdjustmentResponse', stream: false },
} as const;

export const hostFunctions = {
  Log: { request: 'LogRequest', response: 'Empty', stream: false },
} as const;


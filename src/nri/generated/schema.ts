// Written by proto/generate.ts from proto/nri/nri.proto. Do not edit.

/** Message → field → its shape, its type (a scalar, or the name of a message or an enum), its name in the file and its number. */
export const fields = {
  RegisterPluginRequest: {
    pluginName: ['one', 'string', 'plugin_name', 1],
    pluginIdx: ['one', 'string', 'plugin_idx', 2],
    NRIVersion: ['one', 'string', 'NRI_version', 3],
  },
  UpdateContainersRequest: {
    update: ['list', 'ContainerUpdate', 'update', 1],
    evict: ['list', 'ContainerEviction', 'evict', 2],
  },
  UpdateContainersResponse: {
    failed: ['list', 'ContainerUpdate', 'failed', 1],
  },
  LogRequest: {
    msg: ['one', 'string', 'msg', 1],
    level: ['one', 'LogRequestLevel', 'level', 2],
  },
  ConfigureRequest: {
    config: ['one', 'string', 'config', 1],
    runtimeName: ['one', 'string', 'runtime_name', 2],
    runtimeVersion: ['one', 'string', 'runtime_version', 3],
    registrationTimeout: ['one', 'int64', 'registration_timeout', 4],
    requestTimeout: ['one', 'int64', 'request_timeout', 5],
    NRIVersion: ['one', 'string', 'NRI_version', 6],
  },
  ConfigureResponse: {
    events: ['one', 'int32', 'events', 2],
  },
  SynchronizeRequest: {
    pods: ['list', 'PodSandbox', 'pods', 1],
    containers: ['list', 'Container', 'containers', 2],
    more: ['one', 'bool', 'more', 3],
  },
  SynchronizeResponse: {
    update: ['list', 'ContainerUpdate', 'update', 1],
    more: ['one', 'bool', 'more', 2],
  },
  RunPodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
  },
  RunPodSandboxResponse: {},
  UpdatePodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    overheadLinuxResources: ['one', 'LinuxResources', 'overhead_linux_resources', 2],
    linuxResources: ['one', 'LinuxResources', 'linux_resources', 3],
  },
  UpdatePodSandboxResponse: {},
  PostUpdatePodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
  },
  PostUpdatePodSandboxResponse: {},
  StopPodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
  },
  StopPodSandboxResponse: {},
  RemovePodSandboxRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
  },
  RemovePodSandboxResponse: {},
  CreateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  CreateContainerResponse: {
    adjust: ['one', 'ContainerAdjustment', 'adjust', 1],
    update: ['list', 'ContainerUpdate', 'update', 2],
    evict: ['list', 'ContainerEviction', 'evict', 3],
  },
  PostCreateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  PostCreateContainerResponse: {},
  StartContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  StartContainerResponse: {},
  PostStartContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  PostStartContainerResponse: {},
  UpdateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
    linuxResources: ['one', 'LinuxResources', 'linux_resources', 3],
  },
  UpdateContainerResponse: {
    update: ['list', 'ContainerUpdate', 'update', 1],
    evict: ['list', 'ContainerEviction', 'evict', 2],
  },
  PostUpdateContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  PostUpdateContainerResponse: {},
  StopContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  StopContainerResponse: {
    update: ['list', 'ContainerUpdate', 'update', 1],
  },
  RemoveContainerRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
  },
  RemoveContainerResponse: {},
  StateChangeEvent: {
    event: ['one', 'Event', 'event', 1],
    pod: ['one', 'PodSandbox', 'pod', 2],
    container: ['one', 'Container', 'container', 3],
  },
  ValidateContainerAdjustmentRequest: {
    pod: ['one', 'PodSandbox', 'pod', 1],
    container: ['one', 'Container', 'container', 2],
    adjust: ['one', 'ContainerAdjustment', 'adjust', 3],
    update: ['list', 'ContainerUpdate', 'update', 4],
    owners: ['one', 'OwningPlugins', 'owners', 5],
    plugins: ['list', 'PluginInstance', 'plugins', 6],
  },
  PluginInstance: {
    name: ['one', 'string', 'name', 1],
    index: ['one', 'string', 'index', 2],
  },
  ValidateContainerAdjustmentResponse: {
    reject: ['one', 'bool', 'reject', 1],
    reason: ['one', 'string', 'reason', 2],
  },
  Empty: {},
  PodSandbox: {
    id: ['one', 'string', 'id', 1],
    name: ['one', 'string', 'name', 2],
    uid: ['one', 'string', 'uid', 3],
    namespace: ['one', 'string', 'namespace', 4],
    labels: ['map', 'string', 'labels', 5],
    annotations: ['map', 'string', 'annotations', 6],
    runtimeHandler: ['one', 'string', 'runtime_handler', 7],
    linux: ['one', 'LinuxPodSandbox', 'linux', 8],
    pid: ['one', 'uint32', 'pid', 9],
    ips: ['list', 'string', 'ips', 10],
  },
  LinuxPodSandbox: {
    podOverhead: ['one', 'LinuxResources', 'pod_overhead', 1],
    podResources: ['one', 'LinuxResources', 'pod_resources', 2],
    cgroupParent: ['one', 'string', 'cgroup_parent', 3],
    cgroupsPath: ['one', 'string', 'cgroups_path', 4],
    namespaces: ['list', 'LinuxNamespace', 'namespaces', 5],
    resources: ['one', 'LinuxResources', 'resources', 6],
  },
  Container: {
    id: ['one', 'string', 'id', 1],
    podSandboxId: ['one', 'string', 'pod_sandbox_id', 2],
    name: ['one', 'string', 'name', 3],
    state: ['one', 'ContainerState', 'state', 4],
    labels: ['map', 'string', 'labels', 5],
    annotations: ['map', 'string', 'annotations', 6],
    args: ['list', 'string', 'args', 7],
    env: ['list', 'string', 'env', 8],
    mounts: ['list', 'Mount', 'mounts', 9],
    hooks: ['one', 'Hooks', 'hooks', 10],
    linux: ['one', 'LinuxContainer', 'linux', 11],
    pid: ['one', 'uint32', 'pid', 12],
    rlimits: ['list', 'POSIXRlimit', 'rlimits', 13],
    createdAt: ['one', 'int64', 'created_at', 14],
    startedAt: ['one', 'int64', 'started_at', 15],
    finishedAt: ['one', 'int64', 'finished_at', 16],
    exitCode: ['one', 'int32', 'exit_code', 17],
    statusReason: ['one', 'string', 'status_reason', 18],
    statusMessage: ['one', 'string', 'status_message', 19],
    CDIDevices: ['list', 'CDIDevice', 'CDI_devices', 20],
    user: ['one', 'User', 'user', 21],
  },
  Mount: {
    destination: ['one', 'string', 'destination', 1],
    type: ['one', 'string', 'type', 2],
    source: ['one', 'string', 'source', 3],
    options: ['list', 'string', 'options', 4],
  },
  Hooks: {
    prestart: ['list', 'Hook', 'prestart', 1],
    createRuntime: ['list', 'Hook', 'create_runtime', 2],
    createContainer: ['list', 'Hook', 'create_container', 3],
    startContainer: ['list', 'Hook', 'start_container', 4],
    poststart: ['list', 'Hook', 'poststart', 5],
    poststop: ['list', 'Hook', 'poststop', 6],
  },
  Hook: {
    path: ['one', 'string', 'path', 1],
    args: ['list', 'string', 'args', 2],
    env: ['list', 'string', 'env', 3],
    timeout: ['one', 'OptionalInt', 'timeout', 4],
  },
  LinuxContainer: {
    namespaces: ['list', 'LinuxNamespace', 'namespaces', 1],
    devices: ['list', 'LinuxDevice', 'devices', 2],
    resources: ['one', 'LinuxResources', 'resources', 3],
    oomScoreAdj: ['one', 'OptionalInt', 'oom_score_adj', 4],
    cgroupsPath: ['one', 'string', 'cgroups_path', 5],
    ioPriority: ['one', 'LinuxIOPriority', 'io_priority', 6],
    seccompProfile: ['one', 'SecurityProfile', 'seccomp_profile', 7],
    seccompPolicy: ['one', 'LinuxSeccomp', 'seccomp_policy', 8],
    sysctl: ['map', 'string', 'sysctl', 9],
    netDevices: ['map', 'LinuxNetDevice', 'net_devices', 10],
    scheduler: ['one', 'LinuxScheduler', 'scheduler', 11],
    rdt: ['one', 'LinuxRdt', 'rdt', 12],
  },
  LinuxNamespace: {
    type: ['one', 'string', 'type', 1],
    path: ['one', 'string', 'path', 2],
  },
  LinuxDevice: {
    path: ['one', 'string', 'path', 1],
    type: ['one', 'string', 'type', 2],
    major: ['one', 'int64', 'major', 3],
    minor: ['one', 'int64', 'minor', 4],
    fileMode: ['one', 'OptionalFileMode', 'file_mode', 5],
    uid: ['one', 'OptionalUInt32', 'uid', 6],
    gid: ['one', 'OptionalUInt32', 'gid', 7],
  },
  LinuxDeviceCgroup: {
    allow: ['one', 'bool', 'allow', 1],
    type: ['one', 'string', 'type', 2],
    major: ['one', 'OptionalInt64', 'major', 3],
    minor: ['one', 'OptionalInt64', 'minor', 4],
    access: ['one', 'string', 'access', 5],
  },
  CDIDevice: {
    name: ['one', 'string', 'name', 1],
  },
  User: {
    uid: ['one', 'uint32', 'uid', 1],
    gid: ['one', 'uint32', 'gid', 2],
    additionalGids: ['list', 'uint32', 'additional_gids', 3],
  },
  LinuxResources: {
    memory: ['one', 'LinuxMemory', 'memory', 1],
    cpu: ['one', 'LinuxCPU', 'cpu', 2],
    hugepageLimits: ['list', 'HugepageLimit', 'hugepage_limits', 3],
    blockioClass: ['one', 'OptionalString', 'blockio_class', 4],
    rdtClass: ['one', 'OptionalString', 'rdt_class', 5],
    unified: ['map', 'string', 'unified', 6],
    devices: ['list', 'LinuxDeviceCgroup', 'devices', 7],
    pids: ['one', 'LinuxPids', 'pids', 8],
  },
  LinuxMemory: {
    limit: ['one', 'OptionalInt64', 'limit', 1],
    reservation: ['one', 'OptionalInt64', 'reservation', 2],
    swap: ['one', 'OptionalInt64', 'swap', 3],
    kernel: ['one', 'OptionalInt64', 'kernel', 4],
    kernelTcp: ['one', 'OptionalInt64', 'kernel_tcp', 5],
    swappiness: ['one', 'OptionalUInt64', 'swappiness', 6],
    disableOomKiller: ['one', 'OptionalBool', 'disable_oom_killer', 7],
    useHierarchy: ['one', 'OptionalBool', 'use_hierarchy', 8],
  },
  LinuxCPU: {
    shares: ['one', 'OptionalUInt64', 'shares', 1],
    quota: ['one', 'OptionalInt64', 'quota', 2],
    period: ['one', 'OptionalUInt64', 'period', 3],
    realtimeRuntime: ['one', 'OptionalInt64', 'realtime_runtime', 4],
    realtimePeriod: ['one', 'OptionalUInt64', 'realtime_period', 5],
    cpus: ['one', 'string', 'cpus', 6],
    mems: ['one', 'string', 'mems', 7],
  },
  HugepageLimit: {
    pageSize: ['one', 'string', 'page_size', 1],
    limit: ['one', 'uint64', 'limit', 2],
  },
  SecurityProfile: {
    profileType: ['one', 'SecurityProfileProfileType', 'profile_type', 1],
    localhostRef: ['one', 'string', 'localhost_ref', 2],
  },
  POSIXRlimit: {
    type: ['one', 'string', 'type', 1],
    hard: ['one', 'uint64', 'hard', 2],
    soft: ['one', 'uint64', 'soft', 3],
  },
  LinuxPids: {
    limit: ['one', 'int64', 'limit', 1],
  },
  LinuxIOPriority: {
    class: ['one', 'IOPrioClass', 'class', 1],
    priority: ['one', 'int32', 'priority', 2],
  },
  LinuxNetDevice: {
    name: ['one', 'string', 'name', 1],
  },
  LinuxScheduler: {
    policy: ['one', 'LinuxSchedulerPolicy', 'policy', 1],
    nice: ['one', 'int32', 'nice', 2],
    priority: ['one', 'int32', 'priority', 3],
    flags: ['list', 'LinuxSchedulerFlag', 'flags', 4],
    runtime: ['one', 'uint64', 'runtime', 5],
    deadline: ['one', 'uint64', 'deadline', 6],
    period: ['one', 'uint64', 'period', 7],
  },
  ContainerAdjustment: {
    annotations: ['map', 'string', 'annotations', 2],
    mounts: ['list', 'Mount', 'mounts', 3],
    env: ['list', 'KeyValue', 'env', 4],
    hooks: ['one', 'Hooks', 'hooks', 5],
    linux: ['one', 'LinuxContainerAdjustment', 'linux', 6],
    rlimits: ['list', 'POSIXRlimit', 'rlimits', 7],
    CDIDevices: ['list', 'CDIDevice', 'CDI_devices', 8],
    args: ['list', 'string', 'args', 9],
  },
  LinuxContainerAdjustment: {
    devices: ['list', 'LinuxDevice', 'devices', 1],
    resources: ['one', 'LinuxResources', 'resources', 2],
    cgroupsPath: ['one', 'string', 'cgroups_path', 3],
    oomScoreAdj: ['one', 'OptionalInt', 'oom_score_adj', 4],
    ioPriority: ['one', 'LinuxIOPriority', 'io_priority', 5],
    seccompPolicy: ['one', 'LinuxSeccomp', 'seccomp_policy', 6],
    namespaces: ['list', 'LinuxNamespace', 'namespaces', 7],
    sysctl: ['map', 'string', 'sysctl', 8],
    netDevices: ['map', 'LinuxNetDevice', 'net_devices', 9],
    scheduler: ['one', 'LinuxScheduler', 'scheduler', 10],
    rdt: ['one', 'LinuxRdt', 'rdt', 11],
    memoryPolicy: ['one', 'LinuxMemoryPolicy', 'memory_policy', 12],
  },
  LinuxSeccomp: {
    defaultAction: ['one', 'string', 'default_action', 1],
    defaultErrno: ['one', 'OptionalUInt32', 'default_errno', 2],
    architectures: ['list', 'string', 'architectures', 3],
    flags: ['list', 'string', 'flags', 4],
    listenerPath: ['one', 'string', 'listener_path', 5],
    listenerMetadata: ['one', 'string', 'listener_metadata', 6],
    syscalls: ['list', 'LinuxSyscall', 'syscalls', 7],
  },
  LinuxSyscall: {
    names: ['list', 'string', 'names', 1],
    action: ['one', 'string', 'action', 2],
    errnoRet: ['one', 'OptionalUInt32', 'errno_ret', 3],
    args: ['list', 'LinuxSeccompArg', 'args', 4],
  },
  LinuxSeccompArg: {
    index: ['one', 'uint32', 'index', 1],
    value: ['one', 'uint64', 'value', 2],
    valueTwo: ['one', 'uint64', 'value_two', 3],
    op: ['one', 'string', 'op', 4],
  },
  LinuxMemoryPolicy: {
    mode: ['one', 'MpolMode', 'mode', 1],
    nodes: ['one', 'string', 'nodes', 2],
    flags: ['list', 'MpolFlag', 'flags', 3],
  },
  ContainerUpdate: {
    containerId: ['one', 'string', 'container_id', 1],
    linux: ['one', 'LinuxContainerUpdate', 'linux', 2],
    ignoreFailure: ['one', 'bool', 'ignore_failure', 3],
  },
  LinuxContainerUpdate: {
    resources: ['one', 'LinuxResources', 'resources', 1],
  },
  ContainerEviction: {
    containerId: ['one', 'string', 'container_id', 1],
    reason: ['one', 'string', 'reason', 2],
  },
  LinuxRdt: {
    closId: ['one', 'OptionalString', 'clos_id', 1],
    schemata: ['one', 'OptionalRepeatedString', 'schemata', 2],
    enableMonitoring: ['one', 'OptionalBool', 'enable_monitoring', 3],
    remove: ['one', 'bool', 'remove', 4],
  },
  KeyValue: {
    key: ['one', 'string', 'key', 1],
    value: ['one', 'string', 'value', 2],
  },
  OptionalString: {
    value: ['one', 'string', 'value', 1],
  },
  OptionalRepeatedString: {
    value: ['list', 'string', 'value', 1],
  },
  OptionalInt: {
    value: ['one', 'int64', 'value', 1],
  },
  OptionalInt32: {
    value: ['one', 'int32', 'value', 1],
  },
  OptionalUInt32: {
    value: ['one', 'uint32', 'value', 1],
  },
  OptionalInt64: {
    value: ['one', 'int64', 'value', 1],
  },
  OptionalUInt64: {
    value: ['one', 'uint64', 'value', 1],
  },
  OptionalBool: {
    value: ['one', 'bool', 'value', 1],
  },
  OptionalFileMode: {
    value: ['one', 'uint32', 'value', 1],
  },
  CompoundFieldOwners: {
    owners: ['map', 'string', 'owners', 1],
  },
  FieldOwners: {
    simple: ['map', 'string', 'simple', 1, 'int32'],
    compound: ['map', 'CompoundFieldOwners', 'compound', 2, 'int32'],
  },
  OwningPlugins: {
    owners: ['map', 'FieldOwners', 'owners', 1],
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


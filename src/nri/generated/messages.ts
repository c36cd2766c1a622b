// Written by proto/generate.ts from proto/nri/nri.proto. Do not edit.

export type LogRequestLevel =
  | 'LEVEL_UNSPECIFIED'
  | 'LEVEL_DEBUG'
  | 'LEVEL_INFO'
  | 'LEVEL_WARN'
  | 'LEVEL_ERROR';

export type SecurityProfileProfileType =
  | 'RUNTIME_DEFAULT'
  | 'UNCONFINED'
  | 'LOCALHOST';

export type Event =
  | 'UNKNOWN'
  | 'RUN_POD_SANDBOX'
  | 'STOP_POD_SANDBOX'
  | 'REMOVE_POD_SANDBOX'
  | 'CREATE_CONTAINER'
  | 'POST_CREATE_CONTAINER'
  | 'START_CONTAINER'
  | 'POST_START_CONTAINER'
  | 'UPDATE_CONTAINER'
  | 'POST_UPDATE_CONTAINER'
  | 'STOP_CONTAINER'
  | 'REMOVE_CONTAINER'
  | 'UPDATE_POD_SANDBOX'
  | 'POST_UPDATE_POD_SANDBOX'
  | 'VALIDATE_CONTAINER_ADJUSTMENT'
  | 'LAST';

export type ContainerState =
  | 'CONTAINER_UNKNOWN'
  | 'CONTAINER_CREATED'
  | 'CONTAINER_PAUSED'
  | 'CONTAINER_RUNNING'
  | 'CONTAINER_STOPPED';

export type IOPrioClass =
  | 'IOPRIO_CLASS_NONE'
  | 'IOPRIO_CLASS_RT'
  | 'IOPRIO_CLASS_BE'
  | 'IOPRIO_CLASS_IDLE';

export type LinuxSchedulerPolicy =
  | 'SCHED_NONE'
  | 'SCHED_OTHER'
  | 'SCHED_FIFO'
  | 'SCHED_RR'
  | 'SCHED_BATCH'
  | 'SCHED_ISO'
  | 'SCHED_IDLE'
  | 'SCHED_DEADLINE';

export type LinuxSchedulerFlag =
  | 'SCHED_FLAG_RESET_ON_FORK'
  | 'SCHED_FLAG_RECLAIM'
  | 'SCHED_FLAG_DL_OVERRUN'
  | 'SCHED_FLAG_KEEP_POLICY'
  | 'SCHED_FLAG_KEEP_PARAMS'
  | 'SCHED_FLAG_UTIL_CLAMP_MIN'
  | 'SCHED_FLAG_UTIL_CLAMP_MAX';

export type MpolMode =
  | 'MPOL_DEFAULT'
  | 'MPOL_PREFERRED'
  | 'MPOL_BIND'
  | 'MPOL_INTERLEAVE'
  | 'MPOL_LOCAL'
  | 'MPOL_PREFERRED_MANY'
  | 'MPOL_WEIGHTED_INTERLEAVE';

export type MpolFlag =
  | 'MPOL_F_STATIC_NODES'
  | 'MPOL_F_RELATIVE_NODES'
  | 'MPOL_F_NUMA_BALANCING';

export type Field =
  | 'None'
  | 'Annotations'
  | 'Mounts'
  | 'OciHooks'
  | 'Devices'
  | 'CdiDevices'
  | 'Env'
  | 'Args'
  | 'MemLimit'
  | 'MemReservation'
  | 'MemSwapLimit'
  | 'MemKernelLimit'
  | 'MemTCPLimit'
  | 'MemSwappiness'
  | 'MemDisableOomKiller'
  | 'MemUseHierarchy'
  | 'CPUShares'
  | 'CPUQuota'
  | 'CPUPeriod'
  | 'CPURealtimeRuntime'
  | 'CPURealtimePeriod'
  | 'CPUSetCPUs'
  | 'CPUSetMems'
  | 'PidsLimit'
  | 'HugepageLimits'
  | 'BlockioClass'
  | 'RdtClass'
  | 'CgroupsUnified'
  | 'CgroupsPath'
  | 'OomScoreAdj'
  | 'Rlimits'
  | 'IoPriority'
  | 'SeccompPolicy'
  | 'Namespace'
  | 'Sysctl'
  | 'LinuxNetDevices'
  | 'LinuxSched'
  | 'RdtClosID'
  | 'RdtSchemata'
  | 'RdtEnableMonitoring'
  | 'MemoryPolicy';

export interface RegisterPluginRequest {
  readonly pluginName: string;
  readonly pluginIdx: string;
  readonly NRIVersion: string;
}
export interface RegisterPluginRequestInit {
  readonly pluginName?: string | undefined;
  readonly pluginIdx?: string | undefined;
  readonly NRIVersion?: string | undefined;
}

export interface UpdateContainersRequest {
  readonly update: readonly ContainerUpdate[];
  readonly evict: readonly ContainerEviction[];
}
export interface UpdateContainersRequestInit {
  readonly update?: readonly ContainerUpdateInit[] | undefined;
  readonly evict?: readonly ContainerEvictionInit[] | undefined;
}

export interface UpdateContainersResponse {
  readonly failed: readonly ContainerUpdate[];
}
export interface UpdateContainersResponseInit {
  readonly failed?: readonly ContainerUpdateInit[] | undefined;
}

export interface LogRequest {
  readonly msg: string;
  readonly level: LogRequestLevel;
}
export interface LogRequestInit {
  readonly msg?: string | undefined;
  readonly level?: LogRequestLevel | undefined;
}

export interface ConfigureRequest {
  readonly config: string;
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly registrationTimeout: bigint;
  readonly requestTimeout: bigint;
  readonly NRIVersion: string;
}
export interface ConfigureRequestInit {
  readonly config?: string | undefined;
  readonly runtimeName?: string | undefined;
  readonly runtimeVersion?: string | undefined;
  readonly registrationTimeout?: bigint | number | undefined;
  readonly requestTimeout?: bigint | number | undefined;
  readonly NRIVersion?: string | undefined;
}

export interface ConfigureResponse {
  readonly events: number;
}
export interface ConfigureResponseInit {
  readonly events?: number | undefined;
}

export interface SynchronizeRequest {
  readonly pods: readonly PodSandbox[];
  readonly containers: readonly Container[];
  readonly more: boolean;
}
export interface SynchronizeRequestInit {
  readonly pods?: readonly PodSandboxInit[] | undefined;
  readonly containers?: readonly ContainerInit[] | undefined;
  readonly more?: boolean | undefined;
}

export interface SynchronizeResponse {
  readonly update: readonly ContainerUpdate[];
  readonly more: boolean;
}
export interface SynchronizeResponseInit {
  readonly update?: readonly ContainerUpdateInit[] | undefined;
  readonly more?: boolean | undefined;
}

export interface RunPodSandboxRequest {
  readonly pod?: PodSandbox | undefined;
}
export interface RunPodSandboxRequestInit {
  readonly pod?: PodSandboxInit | undefined;
}

export type RunPodSandboxResponse = Record<string, never>;
export type RunPodSandboxResponseInit = RunPodSandboxResponse;

export interface UpdatePodSandboxRequest {
  readonly pod?: PodSandbox | undefined;
  readonly overheadLinuxResources?: LinuxResources | undefined;
  readonly linuxResources?: LinuxResources | undefined;
}
export interface UpdatePodSandboxRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly overheadLinuxResources?: LinuxResourcesInit | undefined;
  readonly linuxResources?: LinuxResourcesInit | undefined;
}

export type UpdatePodSandboxResponse = Record<string, never>;
export type UpdatePodSandboxResponseInit = UpdatePodSandboxResponse;

export interface PostUpdatePodSandboxRequest {
  readonly pod?: PodSandbox | undefined;
}
export interface PostUpdatePodSandboxRequestInit {
  readonly pod?: PodSandboxInit | undefined;
}

export type PostUpdatePodSandboxResponse = Record<string, never>;
export type PostUpdatePodSandboxResponseInit = PostUpdatePodSandboxResponse;

export interface StopPodSandboxRequest {
  readonly pod?: PodSandbox | undefined;
}
export interface StopPodSandboxRequestInit {
  readonly pod?: PodSandboxInit | undefined;
}

export type StopPodSandboxResponse = Record<string, never>;
export type StopPodSandboxResponseInit = StopPodSandboxResponse;

export interface RemovePodSandboxRequest {
  readonly pod?: PodSandbox | undefined;
}
export interface RemovePodSandboxRequestInit {
  readonly pod?: PodSandboxInit | undefined;
}

export type RemovePodSandboxResponse = Record<string, never>;
export type RemovePodSandboxResponseInit = RemovePodSandboxResponse;

export interface CreateContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface CreateContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export interface CreateContainerResponse {
  readonly adjust?: ContainerAdjustment | undefined;
  readonly update: readonly ContainerUpdate[];
  readonly evict: readonly ContainerEviction[];
}
export interface CreateContainerResponseInit {
  readonly adjust?: ContainerAdjustmentInit | undefined;
  readonly update?: readonly ContainerUpdateInit[] | undefined;
  readonly evict?: readonly ContainerEvictionInit[] | undefined;
}

export interface PostCreateContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface PostCreateContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export type PostCreateContainerResponse = Record<string, never>;
export type PostCreateContainerResponseInit = PostCreateContainerResponse;

export interface StartContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface StartContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export type StartContainerResponse = Record<string, never>;
export type StartContainerResponseInit = StartContainerResponse;

export interface PostStartContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface PostStartContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export type PostStartContainerResponse = Record<string, never>;
export type PostStartContainerResponseInit = PostStartContainerResponse;

export interface UpdateContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
  readonly linuxResources?: LinuxResources | undefined;
}
export interface UpdateContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
  readonly linuxResources?: LinuxResourcesInit | undefined;
}

export interface UpdateContainerResponse {
  readonly update: readonly ContainerUpdate[];
  readonly evict: readonly ContainerEviction[];
}
export interface UpdateContainerResponseInit {
  readonly update?: readonly ContainerUpdateInit[] | undefined;
  readonly evict?: readonly ContainerEvictionInit[] | undefined;
}

export interface PostUpdateContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface PostUpdateContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export type PostUpdateContainerResponse = Record<string, never>;
export type PostUpdateContainerResponseInit = PostUpdateContainerResponse;

export interface StopContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface StopContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export interface StopContainerResponse {
  readonly update: readonly ContainerUpdate[];
}
export interface StopContainerResponseInit {
  readonly update?: readonly ContainerUpdateInit[] | undefined;
}

export interface RemoveContainerRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface RemoveContainerRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export type RemoveContainerResponse = Record<string, never>;
export type RemoveContainerResponseInit = RemoveContainerResponse;

export interface StateChangeEvent {
  readonly event: Event;
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
}
export interface StateChangeEventInit {
  readonly event?: Event | undefined;
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
}

export interface ValidateContainerAdjustmentRequest {
  readonly pod?: PodSandbox | undefined;
  readonly container?: Container | undefined;
  readonly adjust?: ContainerAdjustment | undefined;
  readonly update: readonly ContainerUpdate[];
  readonly owners?: OwningPlugins | undefined;
  readonly plugins: readonly PluginInstance[];
}
export interface ValidateContainerAdjustmentRequestInit {
  readonly pod?: PodSandboxInit | undefined;
  readonly container?: ContainerInit | undefined;
  readonly adjust?: ContainerAdjustmentInit | undefined;
  readonly update?: readonly ContainerUpdateInit[] | undefined;
  readonly owners?: OwningPluginsInit | undefined;
  readonly plugins?: readonly PluginInstanceInit[] | undefined;
}

export interface PluginInstance {
  readonly name: string;
  readonly index: string;
}
export interface PluginInstanceInit {
  readonly name?: string | undefined;
  readonly index?: string | undefined;
}

export interface ValidateContainerAdjustmentResponse {
  readonly reject: boolean;
  readonly reason: string;
}
export interface ValidateContainerAdjustmentResponseInit {
  readonly reject?: boolean | undefined;
  readonly reason?: string | undefined;
}

export type Empty = Record<string, never>;
export type EmptyInit = Empty;

export interface PodSandbox {
  readonly id: string;
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
  readonly linux?: LinuxPodSandbox | undefined;
  readonly pid: number;
  readonly ips: readonly string[];
}
export interface PodSandboxInit {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly uid?: string | undefined;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly runtimeHandler?: string | undefined;
  readonly linux?: LinuxPodSandboxInit | undefined;
  readonly pid?: number | undefined;
  readonly ips?: readonly string[] | undefined;
}

export interface LinuxPodSandbox {
  readonly podOverhead?: LinuxResources | undefined;
  readonly podResources?: LinuxResources | undefined;
  readonly cgroupParent: string;
  readonly cgroupsPath: string;
  readonly namespaces: readonly LinuxNamespace[];
  readonly resources?: LinuxResources | undefined;
}
export interface LinuxPodSandboxInit {
  readonly podOverhead?: LinuxResourcesInit | undefined;
  readonly podResources?: LinuxResourcesInit | undefined;
  readonly cgroupParent?: string | undefined;
  readonly cgroupsPath?: string | undefined;
  readonly namespaces?: readonly LinuxNamespaceInit[] | undefined;
  readonly resources?: LinuxResourcesInit | undefined;
}

export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly name: string;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly mounts: readonly Mount[];
  readonly hooks?: Hooks | undefined;
  readonly linux?: LinuxContainer | undefined;
  readonly pid: number;
  readonly rlimits: readonly POSIXRlimit[];
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly statusReason: string;
  readonly statusMessage: string;
  readonly CDIDevices: readonly CDIDevice[];
  readonly user?: User | undefined;
}
export interface ContainerInit {
  readonly id?: string | undefined;
  readonly podSandboxId?: string | undefined;
  readonly name?: string | undefined;
  readonly state?: ContainerState | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly mounts?: readonly MountInit[] | undefined;
  readonly hooks?: HooksInit | undefined;
  readonly linux?: LinuxContainerInit | undefined;
  readonly pid?: number | undefined;
  readonly rlimits?: readonly POSIXRlimitInit[] | undefined;
  readonly createdAt?: bigint | number | undefined;
  readonly startedAt?: bigint | number | undefined;
  readonly finishedAt?: bigint | number | undefined;
  readonly exitCode?: number | undefined;
  readonly statusReason?: string | undefined;
  readonly statusMessage?: string | undefined;
  readonly CDIDevices?: readonly CDIDeviceInit[] | undefined;
  readonly user?: UserInit | undefined;
}

export interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}
export interface MountInit {
  readonly destination?: string | undefined;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly options?: readonly string[] | undefined;
}

export interface Hooks {
  readonly prestart: readonly Hook[];
  readonly createRuntime: readonly Hook[];
  readonly createContainer: readonly Hook[];
  readonly startContainer: readonly Hook[];
  readonly poststart: readonly Hook[];
  readonly poststop: readonly Hook[];
}
export interface HooksInit {
  readonly prestart?: readonly HookInit[] | undefined;
  readonly createRuntime?: readonly HookInit[] | undefined;
  readonly createContainer?: readonly HookInit[] | undefined;
  readonly startContainer?: readonly HookInit[] | undefined;
  readonly poststart?: readonly HookInit[] | undefined;
  readonly poststop?: readonly HookInit[] | undefined;
}

export interface Hook {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly timeout?: OptionalInt | undefined;
}
export interface HookInit {
  readonly path?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly timeout?: OptionalIntInit | undefined;
}

export interface LinuxContainer {
  readonly namespaces: readonly LinuxNamespace[];
  readonly devices: readonly LinuxDevice[];
  readonly resources?: LinuxResources | undefined;
  readonly oomScoreAdj?: OptionalInt | undefined;
  readonly cgroupsPath: string;
  readonly ioPriority?: LinuxIOPriority | undefined;
  readonly seccompProfile?: SecurityProfile | undefined;
  readonly seccompPolicy?: LinuxSeccomp | undefined;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly netDevices: Readonly<Record<string, LinuxNetDevice>>;
  readonly scheduler?: LinuxScheduler | undefined;
  readonly rdt?: LinuxRdt | undefined;
}
export interface LinuxContainerInit {
  readonly namespaces?: readonly LinuxNamespaceInit[] | undefined;
  readonly devices?: readonly LinuxDeviceInit[] | undefined;
  readonly resources?: LinuxResourcesInit | undefined;
  readonly oomScoreAdj?: OptionalIntInit | undefined;
  readonly cgroupsPath?: string | undefined;
  readonly ioPriority?: LinuxIOPriorityInit | undefined;
  readonly seccompProfile?: SecurityProfileInit | undefined;
  readonly seccompPolicy?: LinuxSeccompInit | undefined;
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
  readonly netDevices?: Readonly<Record<string, LinuxNetDeviceInit>> | undefined;
  readonly scheduler?: LinuxSchedulerInit | undefined;
  readonly rdt?: LinuxRdtInit | undefined;
}

export interface LinuxNamespace {
  readonly type: string;
  readonly path: string;
}
export interface LinuxNamespaceInit {
  readonly type?: string | undefined;
  readonly path?: string | undefined;
}

export interface LinuxDevice {
  readonly path: string;
  readonly type: string;
  readonly major: bigint;
  readonly minor: bigint;
  readonly fileMode?: OptionalFileMode | undefined;
  readonly uid?: OptionalUInt32 | undefined;
  readonly gid?: OptionalUInt32 | undefined;
}
export interface LinuxDeviceInit {
  readonly path?: string | undefined;
  readonly type?: string | undefined;
  readonly major?: bigint | number | undefined;
  readonly minor?: bigint | number | undefined;
  readonly fileMode?: OptionalFileModeInit | undefined;
  readonly uid?: OptionalUInt32Init | undefined;
  readonly gid?: OptionalUInt32Init | undefined;
}

export interface LinuxDeviceCgroup {
  readonly allow: boolean;
  readonly type: string;
  readonly major?: OptionalInt64 | undefined;
  readonly minor?: OptionalInt64 | undefined;
  readonly access: string;
}
export interface LinuxDeviceCgroupInit {
  readonly allow?: boolean | undefined;
  readonly type?: string | undefined;
  readonly major?: OptionalInt64Init | undefined;
  readonly minor?: OptionalInt64Init | undefined;
  readonly access?: string | undefined;
}

export interface CDIDevice {
  readonly name: string;
}
export interface CDIDeviceInit {
  readonly name?: string | undefined;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}
export interface UserInit {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly additionalGids?: readonly number[] | undefined;
}

export interface LinuxResources {
  readonly memory?: LinuxMemory | undefined;
  readonly cpu?: LinuxCPU | undefined;
  readonly hugepageLimits: readonly HugepageLimit[];
  readonly blockioClass?: OptionalString | undefined;
  readonly rdtClass?: OptionalString | undefined;
  readonly unified: Readonly<Record<string, string>>;
  readonly devices: readonly LinuxDeviceCgroup[];
  readonly pids?: LinuxPids | undefined;
}
export interface LinuxResourcesInit {
  readonly memory?: LinuxMemoryInit | undefined;
  readonly cpu?: LinuxCPUInit | undefined;
  readonly hugepageLimits?: readonly HugepageLimitInit[] | undefined;
  readonly blockioClass?: OptionalStringInit | undefined;
  readonly rdtClass?: OptionalStringInit | undefined;
  readonly unified?: Readonly<Record<string, string>> | undefined;
  readonly devices?: readonly LinuxDeviceCgroupInit[] | undefined;
  readonly pids?: LinuxPidsInit | undefined;
}

export interface LinuxMemory {
  readonly limit?: OptionalInt64 | undefined;
  readonly reservation?: OptionalInt64 | undefined;
  readonly swap?: OptionalInt64 | undefined;
  readonly kernel?: OptionalInt64 | undefined;
  readonly kernelTcp?: OptionalInt64 | undefined;
  readonly swappiness?: OptionalUInt64 | undefined;
  readonly disableOomKiller?: OptionalBool | undefined;
  readonly useHierarchy?: OptionalBool | undefined;
}
export interface LinuxMemoryInit {
  readonly limit?: OptionalInt64Init | undefined;
  readonly reservation?: OptionalInt64Init | undefined;
  readonly swap?: OptionalInt64Init | undefined;
  readonly kernel?: OptionalInt64Init | undefined;
  readonly kernelTcp?: OptionalInt64Init | undefined;
  readonly swappiness?: OptionalUInt64Init | undefined;
  readonly disableOomKiller?: OptionalBoolInit | undefined;
  readonly useHierarchy?: OptionalBoolInit | undefined;
}

export interface LinuxCPU {
  readonly shares?: OptionalUInt64 | undefined;
  readonly quota?: OptionalInt64 | undefined;
  readonly period?: OptionalUInt64 | undefined;
  readonly realtimeRuntime?: OptionalInt64 | undefined;
  readonly realtimePeriod?: OptionalUInt64 | undefined;
  readonly cpus: string;
  readonly mems: string;
}
export interface LinuxCPUInit {
  readonly shares?: OptionalUInt64Init | undefined;
  readonly quota?: OptionalInt64Init | undefined;
  readonly period?: OptionalUInt64Init | undefined;
  readonly realtimeRuntime?: OptionalInt64Init | undefined;
  readonly realtimePeriod?: OptionalUInt64Init | undefined;
  readonly cpus?: string | undefined;
  readonly mems?: string | undefined;
}

export interface HugepageLimit {
  readonly pageSize: string;
  readonly limit: bigint;
}
export interface HugepageLimitInit {
  readonly pageSize?: string | undefined;
  readonly limit?: bigint | number | undefined;
}

export interface SecurityProfile {
  readonly profileType: SecurityProfileProfileType;
  readonly localhostRef: string;
}
export interface SecurityProfileInit {
  readonly profileType?: SecurityProfileProfileType | undefined;
  readonly localhostRef?: string | undefined;
}

export interface POSIXRlimit {
  readonly type: string;
  readonly hard: bigint;
  readonly soft: bigint;
}
export interface POSIXRlimitInit {
  readonly type?: string | undefined;
  readonly hard?: bigint | number | undefined;
  readonly soft?: bigint | number | undefined;
}

export interface LinuxPids {
  readonly limit: bigint;
}
export interface LinuxPidsInit {
  readonly limit?: bigint | number | undefined;
}

export interface LinuxIOPriority {
  readonly class: IOPrioClass;
  readonly priority: number;
}
export interface LinuxIOPriorityInit {
  readonly class?: IOPrioClass | undefined;
  readonly priority?: number | undefined;
}

export interface LinuxNetDevice {
  readonly name: string;
}
export interface LinuxNetDeviceInit {
  readonly name?: string | undefined;
}

export interface LinuxScheduler {
  readonly policy: LinuxSchedulerPolicy;
  readonly nice: number;
  readonly priority: number;
  readonly flags: readonly LinuxSchedulerFlag[];
  readonly runtime: bigint;
  readonly deadline: bigint;
  readonly period: bigint;
}
export interface LinuxSchedulerInit {
  readonly policy?: LinuxSchedulerPolicy | undefined;
  readonly nice?: number | undefined;
  readonly priority?: number | undefined;
  readonly flags?: readonly LinuxSchedulerFlag[] | undefined;
  readonly runtime?: bigint | number | undefined;
  readonly deadline?: bigint | number | undefined;
  readonly period?: bigint | number | undefined;
}

export interface ContainerAdjustment {
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly env: readonly KeyValue[];
  readonly hooks?: Hooks | undefined;
  readonly linux?: LinuxContainerAdjustment | undefined;
  readonly rlimits: readonly POSIXRlimit[];
  readonly CDIDevices: readonly CDIDevice[];
  readonly args: readonly string[];
}
export interface ContainerAdjustmentInit {
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly mounts?: readonly MountInit[] | undefined;
  readonly env?: readonly KeyValueInit[] | undefined;
  readonly hooks?: HooksInit | undefined;
  readonly linux?: LinuxContainerAdjustmentInit | undefined;
  readonly rlimits?: readonly POSIXRlimitInit[] | undefined;
  readonly CDIDevices?: readonly CDIDeviceInit[] | undefined;
  readonly args?: readonly string[] | undefined;
}

export interface LinuxContainerAdjustment {
  readonly devices: readonly LinuxDevice[];
  readonly resources?: LinuxResources | undefined;
  readonly cgroupsPath: string;
  readonly oomScoreAdj?: OptionalInt | undefined;
  readonly ioPriority?: LinuxIOPriority | undefined;
  readonly seccompPolicy?: LinuxSeccomp | undefined;
  readonly namespaces: readonly LinuxNamespace[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly netDevices: Readonly<Record<string, LinuxNetDevice>>;
  readonly scheduler?: LinuxScheduler | undefined;
  readonly rdt?: LinuxRdt | undefined;
  readonly memoryPolicy?: LinuxMemoryPolicy | undefined;
}
export interface LinuxContainerAdjustmentInit {
  readonly devices?: readonly LinuxDeviceInit[] | undefined;
  readonly resources?: LinuxResourcesInit | undefined;
  readonly cgroupsPath?: string | undefined;
  readonly oomScoreAdj?: OptionalIntInit | undefined;
  readonly ioPriority?: LinuxIOPriorityInit | undefined;
  readonly seccompPolicy?: LinuxSeccompInit | undefined;
  readonly namespaces?: readonly LinuxNamespaceInit[] | undefined;
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
  readonly netDevices?: Readonly<Record<string, LinuxNetDeviceInit>> | undefined;
  readonly scheduler?: LinuxSchedulerInit | undefined;
  readonly rdt?: LinuxRdtInit | undefined;
  readonly memoryPolicy?: LinuxMemoryPolicyInit | undefined;
}

export interface LinuxSeccomp {
  readonly defaultAction: string;
  readonly defaultErrno?: OptionalUInt32 | undefined;
  readonly architectures: readonly string[];
  readonly flags: readonly string[];
  readonly listenerPath: string;
  readonly listenerMetadata: string;
  readonly syscalls: readonly LinuxSyscall[];
}
export interface LinuxSeccompInit {
  readonly defaultAction?: string | undefined;
  readonly defaultErrno?: OptionalUInt32Init | undefined;
  readonly architectures?: readonly string[] | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly listenerPath?: string | undefined;
  readonly listenerMetadata?: string | undefined;
  readonly syscalls?: readonly LinuxSyscallInit[] | undefined;
}

export interface LinuxSyscall {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: OptionalUInt32 | undefined;
  readonly args: readonly LinuxSeccompArg[];
}
export interface LinuxSyscallInit {
  readonly names?: readonly string[] | undefined;
  readonly action?: string | undefined;
  readonly errnoRet?: OptionalUInt32Init | undefined;
  readonly args?: readonly LinuxSeccompArgInit[] | undefined;
}

export interface LinuxSeccompArg {
  readonly index: number;
  readonly value: bigint;
  readonly valueTwo: bigint;
  readonly op: string;
}
export interface LinuxSeccompArgInit {
  readonly index?: number | undefined;
  readonly value?: bigint | number | undefined;
  readonly valueTwo?: bigint | number | undefined;
  readonly op?: string | undefined;
}

export interface LinuxMemoryPolicy {
  readonly mode: MpolMode;
  readonly nodes: string;
  readonly flags: readonly MpolFlag[];
}
export interface LinuxMemoryPolicyInit {
  readonly mode?: MpolMode | undefined;
  readonly nodes?: string | undefined;
  readonly flags?: readonly MpolFlag[] | undefined;
}

export interface ContainerUpdate {
  readonly containerId: string;
  readonly linux?: LinuxContainerUpdate | undefined;
  readonly ignoreFailure: boolean;
}
export interface ContainerUpdateInit {
  readonly containerId?: string | undefined;
  readonly linux?: LinuxContainerUpdateInit | undefined;
  readonly ignoreFailure?: boolean | undefined;
}

export interface LinuxContainerUpdate {
  readonly resources?: LinuxResources | undefined;
}
export interface LinuxContainerUpdateInit {
  readonly resources?: LinuxResourcesInit | undefined;
}

export interface ContainerEviction {
  readonly containerId: string;
  readonly reason: string;
}
export interface ContainerEvictionInit {
  readonly containerId?: string | undefined;
  readonly reason?: string | undefined;
}

export interface LinuxRdt {
  readonly closId?: OptionalString | undefined;
  readonly schemata?: OptionalRepeatedString | undefined;
  readonly enableMonitoring?: OptionalBool | undefined;
  readonly remove: boolean;
}
export interface LinuxRdtInit {
  readonly closId?: OptionalStringInit | undefined;
  readonly schemata?: OptionalRepeatedStringInit | undefined;
  readonly enableMonitoring?: OptionalBoolInit | undefined;
  readonly remove?: boolean | undefined;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}
export interface KeyValueInit {
  readonly key?: string | undefined;
  readonly value?: string | undefined;
}

export interface OptionalString {
  readonly value: string;
}
export interface OptionalStringInit {
  readonly value?: string | undefined;
}

export interface OptionalRepeatedString {
  readonly value: readonly string[];
}
export interface OptionalRepeatedStringInit {
  readonly value?: readonly string[] | undefined;
}

export interface OptionalInt {
  readonly value: bigint;
}
export interface OptionalIntInit {
  readonly value?: bigint | number | undefined;
}

export interface OptionalInt32 {
  readonly value: number;
}
export interface OptionalInt32Init {
  readonly value?: number | undefined;
}

export interface OptionalUInt32 {
  readonly value: number;
}
export interface OptionalUInt32Init {
  readonly value?: number | undefined;
}

export interface OptionalInt64 {
  readonly value: bigint;
}
export interface OptionalInt64Init {
  readonly value?: bigint | number | undefined;
}

export interface OptionalUInt64 {
  readonly value: bigint;
}
export interface OptionalUInt64Init {
  readonly value?: bigint | number | undefined;
}

export interface OptionalBool {
  readonly value: boolean;
}
export interface OptionalBoolInit {
  readonly value?: boolean | undefined;
}

export interface OptionalFileMode {
  readonly value: number;
}
export interface OptionalFileModeInit {
  readonly value?: number | undefined;
}

export interface CompoundFieldOwners {
  readonly owners: Readonly<Record<string, string>>;
}
export interface CompoundFieldOwnersInit {
  readonly owners?: Readonly<Record<string, string>> | undefined;
}

export interface FieldOwners {
  readonly simple: Readonly<Record<string, string>>;
  readonly compound: Readonly<Record<string, CompoundFieldOwners>>;
}
export interface FieldOwnersInit {
  readonly simple?: Readonly<Record<string, string>> | undefined;
  readonly compound?: Readonly<Record<string, CompoundFieldOwnersInit>> | undefined;
}

export interface OwningPlugins {
  readonly owners: Readonly<Record<string, FieldOwners>>;
}
export interface OwningPluginsInit {
  readonly owners?: Readonly<Record<string, FieldOwnersInit>> | undefined;
}

/** Every message by its name, as it is when decoded. */
export interface Messages {
  RegisterPluginRequest: RegisterPluginRequest;
  UpdateContainersRequest: UpdateContainersRequest;
  UpdateContainersResponse: UpdateContainersResponse;
  LogRequest: LogRequest;
  ConfigureRequest: ConfigureRequest;
  ConfigureResponse: ConfigureResponse;
  SynchronizeRequest: SynchronizeRequest;
  SynchronizeResponse: SynchronizeResponse;
  RunPodSandboxRequest: RunPodSandboxRequest;
  RunPodSandboxResponse: RunPodSandboxResponse;
  UpdatePodSandboxRequest: UpdatePodSandboxRequest;
  UpdatePodSandboxResponse: UpdatePodSandboxResponse;
  PostUpdatePodSandboxRequest: PostUpdatePodSandboxRequest;
  PostUpdatePodSandboxResponse: PostUpdatePodSandboxResponse;
  StopPodSandboxRequest: StopPodSandboxRequest;
  StopPodSandboxResponse: StopPodSandboxResponse;
  RemovePodSandboxRequest: RemovePodSandboxRequest;
  RemovePodSandboxResponse: RemovePodSandboxResponse;
  CreateContainerRequest: CreateContainerRequest;
  CreateContainerResponse: CreateContainerResponse;
  PostCreateContainerRequest: PostCreateContainerRequest;
  PostCreateContainerResponse: PostCreateContainerResponse;
  StartContainerRequest: StartContainerRequest;
  StartContainerResponse: StartContainerResponse;
  PostStartContainerRequest: PostStartContainerRequest;
  PostStartContainerResponse: PostStartContainerResponse;
  UpdateContainerRequest: UpdateContainerRequest;
  UpdateContainerResponse: UpdateContainerResponse;
  PostUpdateContainerRequest: PostUpdateContainerRequest;
  PostUpdateContainerResponse: PostUpdateContainerResponse;
  StopContainerRequest: StopContainerRequest;
  StopContainerResponse: StopContainerResponse;
  RemoveContainerRequest: RemoveContainerRequest;
  RemoveContainerResponse: RemoveContainerResponse;
  StateChangeEvent: StateChangeEvent;
  ValidateContainerAdjustmentRequest: ValidateContainerAdjustmentRequest;
  PluginInstance: PluginInstance;
  ValidateContainerAdjustmentResponse: ValidateContainerAdjustmentResponse;
  Empty: Empty;
  PodSandbox: PodSandbox;
  LinuxPodSandbox: LinuxPodSandbox;
  Container: Container;
  Mount: Mount;
  Hooks: Hooks;
  Hook: Hook;
  LinuxContainer: LinuxContainer;
  LinuxNamespace: LinuxNamespace;
  LinuxDevice: LinuxDevice;
  LinuxDeviceCgroup: LinuxDeviceCgroup;
  CDIDevice: CDIDevice;
  User: User;
  LinuxResources: LinuxResources;
  LinuxMemory: LinuxMemory;
  LinuxCPU: LinuxCPU;
  HugepageLimit: HugepageLimit;
  SecurityProfile: SecurityProfile;
  POSIXRlimit: POSIXRlimit;
  LinuxPids: LinuxPids;
  LinuxIOPriority: LinuxIOPriority;
  LinuxNetDevice: LinuxNetDevice;
  LinuxScheduler: LinuxScheduler;
  ContainerAdjustment: ContainerAdjustment;
  LinuxContainerAdjustment: LinuxContainerAdjustment;
  LinuxSeccomp: LinuxSeccomp;
  LinuxSyscall: LinuxSyscall;
  LinuxSeccompArg: LinuxSeccompArg;
  LinuxMemoryPolicy: LinuxMemoryPolicy;
  ContainerUpdate: ContainerUpdate;
  LinuxContainerUpdate: LinuxContainerUpdate;
  ContainerEviction: ContainerEviction;
  LinuxRdt: LinuxRdt;
  KeyValue: KeyValue;
  OptionalString: OptionalString;
  OptionalRepeatedString: OptionalRepeatedString;
  OptionalInt: OptionalInt;
  OptionalInt32: OptionalInt32;
  OptionalUInt32: OptionalUInt32;
  OptionalInt64: OptionalInt64;
  OptionalUInt64: OptionalUInt64;
  OptionalBool: OptionalBool;
  OptionalFileMode: OptionalFileMode;
  CompoundFieldOwners: CompoundFieldOwners;
  FieldOwners: FieldOwners;
  OwningPlugins: OwningPlugins;
}

/** Every message by its name, as it may be given for encoding: whatever is absent has its default. */
export interface MessageInits {
  RegisterPluginRequest: RegisterPluginRequestInit;
  UpdateContainersRequest: UpdateContainersRequestInit;
  UpdateContainersResponse: UpdateContainersResponseInit;
  LogRequest: LogRequestInit;
  ConfigureRequest: ConfigureRequestInit;
  ConfigureResponse: ConfigureResponseInit;
  SynchronizeRequest: SynchronizeRequestInit;
  SynchronizeResponse: SynchronizeResponseInit;
  RunPodSandboxRequest: RunPodSandboxRequestInit;
  RunPodSandboxResponse: RunPodSandboxResponseInit;
  UpdatePodSandboxRequest: UpdatePodSandboxRequestInit;
  UpdatePodSandboxResponse: UpdatePodSandboxResponseInit;
  PostUpdatePodSandboxRequest: PostUpdatePodSandboxRequestInit;
  PostUpdatePodSandboxResponse: PostUpdatePodSandboxResponseInit;
  StopPodSandboxRequest: StopPodSandboxRequestInit;
  StopPodSandboxResponse: StopPodSandboxResponseInit;
  RemovePodSandboxRequest: RemovePodSandboxRequestInit;
  RemovePodSandboxResponse: RemovePodSandboxResponseInit;
  CreateContainerRequest: CreateContainerRequestInit;
  CreateContainerResponse: CreateContainerResponseInit;
  PostCreateContainerRequest: PostCreateContainerRequestInit;
  PostCreateContainerResponse: PostCreateContainerResponseInit;
  StartContainerRequest: StartContainerRequestInit;
  StartContainerResponse: StartContainerResponseInit;
  PostStartContainerRequest: PostStartContainerRequestInit;
  PostStartContainerResponse: PostStartContainerResponseInit;
  UpdateContainerRequest: UpdateContainerRequestInit;
  UpdateContainerResponse: UpdateContainerResponseInit;
  PostUpdateContainerRequest: PostUpdateContainerRequestInit;
  PostUpdateContainerResponse: PostUpdateContainerResponseInit;
  StopContainerRequest: StopContainerRequestInit;
  StopContainerResponse: StopContainerResponseInit;
  RemoveContainerRequest: RemoveContainerRequestInit;
  RemoveContainerResponse: RemoveContainerResponseInit;
  StateChangeEvent: StateChangeEventInit;
  ValidateContainerAdjustmentRequest: ValidateContainerAdjustmentRequestInit;
  PluginInstance: PluginInstanceInit;
  ValidateContainerAdjustmentResponse: ValidateContainerAdjustmentResponseInit;
  Empty: EmptyInit;
  PodSandbox: PodSandboxInit;
  LinuxPodSandbox: LinuxPodSandboxInit;
  Container: ContainerInit;
  Mount: MountInit;
  Hooks: HooksInit;
  Hook: HookInit;
  LinuxContainer: LinuxContainerInit;
  LinuxNamespace: LinuxNamespaceInit;
  LinuxDevice: LinuxDeviceInit;
  LinuxDeviceCgroup: LinuxDeviceCgroupInit;
  CDIDevice: CDIDeviceInit;
  User: UserInit;
  LinuxResources: LinuxResourcesInit;
  LinuxMemory: LinuxMemoryInit;
  LinuxCPU: LinuxCPUInit;
  HugepageLimit: HugepageLimitInit;
  SecurityProfile: SecurityProfileInit;
  POSIXRlimit: POSIXRlimitInit;
  LinuxPids: LinuxPidsInit;
  LinuxIOPriority: LinuxIOPriorityInit;
  LinuxNetDevice: LinuxNetDeviceInit;
  LinuxScheduler: LinuxSchedulerInit;
  ContainerAdjustment: ContainerAdjustmentInit;
  LinuxContainerAdjustment: LinuxContainerAdjustmentInit;
  LinuxSeccomp: LinuxSeccompInit;
  LinuxSyscall: LinuxSyscallInit;
  LinuxSeccompArg: LinuxSeccompArgInit;
  LinuxMemoryPolicy: LinuxMemoryPolicyInit;
  ContainerUpdate: ContainerUpdateInit;
  LinuxContainerUpdate: LinuxContainerUpdateInit;
  ContainerEviction: ContainerEvictionInit;
  LinuxRdt: LinuxRdtInit;
  KeyValue: KeyValueInit;
  OptionalString: OptionalStringInit;
  OptionalRepeatedString: OptionalRepeatedStringInit;
  OptionalInt: OptionalIntInit;
  OptionalInt32: OptionalInt32Init;
  OptionalUInt32: OptionalUInt32Init;
  OptionalInt64: OptionalInt64Init;
  OptionalUInt64: OptionalUInt64Init;
  OptionalBool: OptionalBoolInit;
  OptionalFileMode: OptionalFileModeInit;
  CompoundFieldOwners: CompoundFieldOwnersInit;
  FieldOwners: FieldOwnersInit;
  OwningPlugins: OwningPluginsInit;
}


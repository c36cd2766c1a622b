// Written by proto/generate.ts from proto/cri/api.proto. Do not edit.

export type Protocol =
  | 'TCP'
  | 'UDP'
  | 'SCTP';

export type MountPropagation =
  | 'PROPAGATION_PRIVATE'
  | 'PROPAGATION_HOST_TO_CONTAINER'
  | 'PROPAGATION_BIDIRECTIONAL';

export type NamespaceMode =
  | 'POD'
  | 'CONTAINER'
  | 'NODE'
  | 'TARGET';

export type SupplementalGroupsPolicy =
  | 'Merge'
  | 'Strict';

export type SecurityProfileProfileType =
  | 'RuntimeDefault'
  | 'Unconfined'
  | 'Localhost';

export type PodSandboxState =
  | 'SANDBOX_READY'
  | 'SANDBOX_NOTREADY';

export type Signal =
  | 'SIGNAL_RUNTIME_DEFAULT'
  | 'SIGNAL_SIGABRT'
  | 'SIGNAL_SIGALRM'
  | 'SIGNAL_SIGBUS'
  | 'SIGNAL_SIGCHLD'
  | 'SIGNAL_SIGCLD'
  | 'SIGNAL_SIGCONT'
  | 'SIGNAL_SIGFPE'
  | 'SIGNAL_SIGHUP'
  | 'SIGNAL_SIGILL'
  | 'SIGNAL_SIGINT'
  | 'SIGNAL_SIGIO'
  | 'SIGNAL_SIGIOT'
  | 'SIGNAL_SIGKILL'
  | 'SIGNAL_SIGPIPE'
  | 'SIGNAL_SIGPOLL'
  | 'SIGNAL_SIGPROF'
  | 'SIGNAL_SIGPWR'
  | 'SIGNAL_SIGQUIT'
  | 'SIGNAL_SIGSEGV'
  | 'SIGNAL_SIGSTKFLT'
  | 'SIGNAL_SIGSTOP'
  | 'SIGNAL_SIGSYS'
  | 'SIGNAL_SIGTERM'
  | 'SIGNAL_SIGTRAP'
  | 'SIGNAL_SIGTSTP'
  | 'SIGNAL_SIGTTIN'
  | 'SIGNAL_SIGTTOU'
  | 'SIGNAL_SIGURG'
  | 'SIGNAL_SIGUSR1'
  | 'SIGNAL_SIGUSR2'
  | 'SIGNAL_SIGVTALRM'
  | 'SIGNAL_SIGWINCH'
  | 'SIGNAL_SIGXCPU'
  | 'SIGNAL_SIGXFSZ'
  | 'SIGNAL_SIGRTMIN'
  | 'SIGNAL_SIGRTMINPLUS1'
  | 'SIGNAL_SIGRTMINPLUS2'
  | 'SIGNAL_SIGRTMINPLUS3'
  | 'SIGNAL_SIGRTMINPLUS4'
  | 'SIGNAL_SIGRTMINPLUS5'
  | 'SIGNAL_SIGRTMINPLUS6'
  | 'SIGNAL_SIGRTMINPLUS7'
  | 'SIGNAL_SIGRTMINPLUS8'
  | 'SIGNAL_SIGRTMINPLUS9'
  | 'SIGNAL_SIGRTMINPLUS10'
  | 'SIGNAL_SIGRTMINPLUS11'
  | 'SIGNAL_SIGRTMINPLUS12'
  | 'SIGNAL_SIGRTMINPLUS13'
  | 'SIGNAL_SIGRTMINPLUS14'
  | 'SIGNAL_SIGRTMINPLUS15'
  | 'SIGNAL_SIGRTMAXMINUS14'
  | 'SIGNAL_SIGRTMAXMINUS13'
  | 'SIGNAL_SIGRTMAXMINUS12'
  | 'SIGNAL_SIGRTMAXMINUS11'
  | 'SIGNAL_SIGRTMAXMINUS10'
  | 'SIGNAL_SIGRTMAXMINUS9'
  | 'SIGNAL_SIGRTMAXMINUS8'
  | 'SIGNAL_SIGRTMAXMINUS7'
  | 'SIGNAL_SIGRTMAXMINUS6'
  | 'SIGNAL_SIGRTMAXMINUS5'
  | 'SIGNAL_SIGRTMAXMINUS4'
  | 'SIGNAL_SIGRTMAXMINUS3'
  | 'SIGNAL_SIGRTMAXMINUS2'
  | 'SIGNAL_SIGRTMAXMINUS1'
  | 'SIGNAL_SIGRTMAX';

export type ContainerState =
  | 'CONTAINER_CREATED'
  | 'CONTAINER_RUNNING'
  | 'CONTAINER_EXITED'
  | 'CONTAINER_UNKNOWN';

export type ContainerEventType =
  | 'CONTAINER_CREATED_EVENT'
  | 'CONTAINER_STARTED_EVENT'
  | 'CONTAINER_STOPPED_EVENT'
  | 'CONTAINER_DELETED_EVENT';

export type MetricType =
  | 'COUNTER'
  | 'GAUGE';

export type CgroupDriver =
  | 'SYSTEMD'
  | 'CGROUPFS';

export interface VersionRequest {
  readonly version: string;
}
export interface VersionRequestInit {
  readonly version?: string | undefined;
}

export interface VersionResponse {
  readonly version: string;
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly runtimeApiVersion: string;
}
export interface VersionResponseInit {
  readonly version?: string | undefined;
  readonly runtimeName?: string | undefined;
  readonly runtimeVersion?: string | undefined;
  readonly runtimeApiVersion?: string | undefined;
}

export interface DNSConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}
export interface DNSConfigInit {
  readonly servers?: readonly string[] | undefined;
  readonly searches?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

export interface PortMapping {
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
}
export interface PortMappingInit {
  readonly protocol?: Protocol | undefined;
  readonly containerPort?: number | undefined;
  readonly hostPort?: number | undefined;
  readonly hostIp?: string | undefined;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly selinuxRelabel: boolean;
  readonly propagation: MountPropagation;
  readonly uidMappings: readonly IDMapping[];
  readonly gidMappings: readonly IDMapping[];
  readonly recursiveReadOnly: boolean;
  readonly image?: ImageSpec | undefined;
  readonly imageSubPath: string;
  readonly mountOptions: readonly string[];
}
export interface MountInit {
  readonly containerPath?: string | undefined;
  readonly hostPath?: string | undefined;
  readonly readonly?: boolean | undefined;
  readonly selinuxRelabel?: boolean | undefined;
  readonly propagation?: MountPropagation | undefined;
  readonly uidMappings?: readonly IDMappingInit[] | undefined;
  readonly gidMappings?: readonly IDMappingInit[] | undefined;
  readonly recursiveReadOnly?: boolean | undefined;
  readonly image?: ImageSpecInit | undefined;
  readonly imageSubPath?: string | undefined;
  readonly mountOptions?: readonly string[] | undefined;
}

export interface IDMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}
export interface IDMappingInit {
  readonly hostId?: number | undefined;
  readonly containerId?: number | undefined;
  readonly length?: number | undefined;
}

export interface UserNamespace {
  readonly mode: NamespaceMode;
  readonly uids: readonly IDMapping[];
  readonly gids: readonly IDMapping[];
}
export interface UserNamespaceInit {
  readonly mode?: NamespaceMode | undefined;
  readonly uids?: readonly IDMappingInit[] | undefined;
  readonly gids?: readonly IDMappingInit[] | undefined;
}

export interface NamespaceOption {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  readonly targetId: string;
  readonly usernsOptions?: UserNamespace | undefined;
}
export interface NamespaceOptionInit {
  readonly network?: NamespaceMode | undefined;
  readonly pid?: NamespaceMode | undefined;
  readonly ipc?: NamespaceMode | undefined;
  readonly targetId?: string | undefined;
  readonly usernsOptions?: UserNamespaceInit | undefined;
}

export interface Int64Value {
  readonly value: bigint;
}
export interface Int64ValueInit {
  readonly value?: bigint | number | undefined;
}

export interface LinuxSandboxSecurityContext {
  readonly namespaceOptions?: NamespaceOption | undefined;
  readonly selinuxOptions?: SELinuxOption | undefined;
  readonly runAsUser?: Int64Value | undefined;
  readonly runAsGroup?: Int64Value | undefined;
  readonly readonlyRootfs: boolean;
  readonly supplementalGroups: readonly bigint[];
  readonly supplementalGroupsPolicy: SupplementalGroupsPolicy;
  readonly privileged: boolean;
  readonly seccomp?: SecurityProfile | undefined;
  readonly apparmor?: SecurityProfile | undefined;
  readonly seccompProfilePath: string;
}
export interface LinuxSandboxSecurityContextInit {
  readonly namespaceOptions?: NamespaceOptionInit | undefined;
  readonly selinuxOptions?: SELinuxOptionInit | undefined;
  readonly runAsUser?: Int64ValueInit | undefined;
  readonly runAsGroup?: Int64ValueInit | undefined;
  readonly readonlyRootfs?: boolean | undefined;
  readonly supplementalGroups?: readonly (bigint | number)[] | undefined;
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy | undefined;
  readonly privileged?: boolean | undefined;
  readonly seccomp?: SecurityProfileInit | undefined;
  readonly apparmor?: SecurityProfileInit | undefined;
  readonly seccompProfilePath?: string | undefined;
}

export interface SecurityProfile {
  readonly profileType: SecurityProfileProfileType;
  readonly localhostRef: string;
}
export interface SecurityProfileInit {
  readonly profileType?: SecurityProfileProfileType | undefined;
  readonly localhostRef?: string | undefined;
}

export interface LinuxPodSandboxConfig {
  readonly cgroupParent: string;
  readonly securityContext?: LinuxSandboxSecurityContext | undefined;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly overhead?: LinuxContainerResources | undefined;
  readonly resources?: LinuxContainerResources | undefined;
}
export interface LinuxPodSandboxConfigInit {
  readonly cgroupParent?: string | undefined;
  readonly securityContext?: LinuxSandboxSecurityContextInit | undefined;
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  readonly overhead?: LinuxContainerResourcesInit | undefined;
  readonly resources?: LinuxContainerResourcesInit | undefined;
}

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}
export interface PodSandboxMetadataInit {
  readonly name?: string | undefined;
  readonly uid?: string | undefined;
  readonly namespace?: string | undefined;
  readonly attempt?: number | undefined;
}

export interface PodSandboxConfig {
  readonly metadata?: PodSandboxMetadata | undefined;
  readonly hostname: string;
  readonly logDirectory: string;
  readonly dnsConfig?: DNSConfig | undefined;
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux?: LinuxPodSandboxConfig | undefined;
  readonly windows?: WindowsPodSandboxConfig | undefined;
}
export interface PodSandboxConfigInit {
  readonly metadata?: PodSandboxMetadataInit | undefined;
  readonly hostname?: string | undefined;
  readonly logDirectory?: string | undefined;
  readonly dnsConfig?: DNSConfigInit | undefined;
  readonly portMappings?: readonly PortMappingInit[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly linux?: LinuxPodSandboxConfigInit | undefined;
  readonly windows?: WindowsPodSandboxConfigInit | undefined;
}

export interface RunPodSandboxRequest {
  readonly config?: PodSandboxConfig | undefined;
  readonly runtimeHandler: string;
}
export interface RunPodSandboxRequestInit {
  readonly config?: PodSandboxConfigInit | undefined;
  readonly runtimeHandler?: string | undefined;
}

export interface RunPodSandboxResponse {
  readonly podSandboxId: string;
}
export interface RunPodSandboxResponseInit {
  readonly podSandboxId?: string | undefined;
}

export interface StopPodSandboxRequest {
  readonly podSandboxId: string;
}
export interface StopPodSandboxRequestInit {
  readonly podSandboxId?: string | undefined;
}

export type StopPodSandboxResponse = Record<string, never>;
export type StopPodSandboxResponseInit = StopPodSandboxResponse;

export interface RemovePodSandboxRequest {
  readonly podSandboxId: string;
}
export interface RemovePodSandboxRequestInit {
  readonly podSandboxId?: string | undefined;
}

export type RemovePodSandboxResponse = Record<string, never>;
export type RemovePodSandboxResponseInit = RemovePodSandboxResponse;

export interface PodSandboxStatusRequest {
  readonly podSandboxId: string;
  readonly verbose: boolean;
}
export interface PodSandboxStatusRequestInit {
  readonly podSandboxId?: string | undefined;
  readonly verbose?: boolean | undefined;
}

export interface PodIP {
  readonly ip: string;
}
export interface PodIPInit {
  readonly ip?: string | undefined;
}

export interface PodSandboxNetworkStatus {
  readonly ip: string;
  readonly additionalIps: readonly PodIP[];
}
export interface PodSandboxNetworkStatusInit {
  readonly ip?: string | undefined;
  readonly additionalIps?: readonly PodIPInit[] | undefined;
}

export interface Namespace {
  readonly options?: NamespaceOption | undefined;
}
export interface NamespaceInit {
  readonly options?: NamespaceOptionInit | undefined;
}

export interface LinuxPodSandboxStatus {
  readonly namespaces?: Namespace | undefined;
}
export interface LinuxPodSandboxStatusInit {
  readonly namespaces?: NamespaceInit | undefined;
}

export interface PodSandboxStatus {
  readonly id: string;
  readonly metadata?: PodSandboxMetadata | undefined;
  readonly state: PodSandboxState;
  readonly createdAt: bigint;
  readonly network?: PodSandboxNetworkStatus | undefined;
  readonly linux?: LinuxPodSandboxStatus | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
}
export interface PodSandboxStatusInit {
  readonly id?: string | undefined;
  readonly metadata?: PodSandboxMetadataInit | undefined;
  readonly state?: PodSandboxState | undefined;
  readonly createdAt?: bigint | number | undefined;
  readonly network?: PodSandboxNetworkStatusInit | undefined;
  readonly linux?: LinuxPodSandboxStatusInit | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly runtimeHandler?: string | undefined;
}

export interface PodSandboxStatusResponse {
  readonly status?: PodSandboxStatus | undefined;
  readonly info: Readonly<Record<string, string>>;
  readonly containersStatuses: readonly ContainerStatus[];
  readonly timestamp: bigint;
}
export interface PodSandboxStatusResponseInit {
  readonly status?: PodSandboxStatusInit | undefined;
  readonly info?: Readonly<Record<string, string>> | undefined;
  readonly containersStatuses?: readonly ContainerStatusInit[] | undefined;
  readonly timestamp?: bigint | number | undefined;
}

export interface PodSandboxStateValue {
  readonly state: PodSandboxState;
}
export interface PodSandboxStateValueInit {
  readonly state?: PodSandboxState | undefined;
}

export interface PodSandboxFilter {
  readonly id: string;
  readonly state?: PodSandboxStateValue | undefined;
  readonly labelSelector: Readonly<Record<string, string>>;
}
export interface PodSandboxFilterInit {
  readonly id?: string | undefined;
  readonly state?: PodSandboxStateValueInit | undefined;
  readonly labelSelector?: Readonly<Record<string, string>> | undefined;
}

export interface ListPodSandboxRequest {
  readonly filter?: PodSandboxFilter | undefined;
}
export interface ListPodSandboxRequestInit {
  readonly filter?: PodSandboxFilterInit | undefined;
}

export interface PodSandbox {
  readonly id: string;
  readonly metadata?: PodSandboxMetadata | undefined;
  readonly state: PodSandboxState;
  readonly createdAt: bigint;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
}
export interface PodSandboxInit {
  readonly id?: string | undefined;
  readonly metadata?: PodSandboxMetadataInit | undefined;
  readonly state?: PodSandboxState | undefined;
  readonly createdAt?: bigint | number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly runtimeHandler?: string | undefined;
}

export interface ListPodSandboxResponse {
  readonly items: readonly PodSandbox[];
}
export interface ListPodSandboxResponseInit {
  readonly items?: readonly PodSandboxInit[] | undefined;
}

export interface StreamPodSandboxesRequest {
  readonly filter?: PodSandboxFilter | undefined;
}
export interface StreamPodSandboxesRequestInit {
  readonly filter?: PodSandboxFilterInit | undefined;
}

export interface StreamPodSandboxesResponse {
  readonly podSandboxes: readonly PodSandbox[];
}
export interface StreamPodSandboxesResponseInit {
  readonly podSandboxes?: readonly PodSandboxInit[] | undefined;
}

export interface PodSandboxStatsRequest {
  readonly podSandboxId: string;
}
export interface PodSandboxStatsRequestInit {
  readonly podSandboxId?: string | undefined;
}

export interface PodSandboxStatsResponse {
  readonly stats?: PodSandboxStats | undefined;
}
export interface PodSandboxStatsResponseInit {
  readonly stats?: PodSandboxStatsInit | undefined;
}

export interface PodSandboxStatsFilter {
  readonly id: string;
  readonly labelSelector: Readonly<Record<string, string>>;
}
export interface PodSandboxStatsFilterInit {
  readonly id?: string | undefined;
  readonly labelSelector?: Readonly<Record<string, string>> | undefined;
}

export interface ListPodSandboxStatsRequest {
  readonly filter?: PodSandboxStatsFilter | undefined;
}
export interface ListPodSandboxStatsRequestInit {
  readonly filter?: PodSandboxStatsFilterInit | undefined;
}

export interface ListPodSandboxStatsResponse {
  readonly stats: readonly PodSandboxStats[];
}
export interface ListPodSandboxStatsResponseInit {
  readonly stats?: readonly PodSandboxStatsInit[] | undefined;
}

export interface StreamPodSandboxStatsRequest {
  readonly filter?: PodSandboxStatsFilter | undefined;
}
export interface StreamPodSandboxStatsRequestInit {
  readonly filter?: PodSandboxStatsFilterInit | undefined;
}

export interface StreamPodSandboxStatsResponse {
  readonly podSandboxStats: readonly PodSandboxStats[];
}
export interface StreamPodSandboxStatsResponseInit {
  readonly podSandboxStats?: readonly PodSandboxStatsInit[] | undefined;
}

export interface PodSandboxAttributes {
  readonly id: string;
  readonly metadata?: PodSandboxMetadata | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
export interface PodSandboxAttributesInit {
  readonly id?: string | undefined;
  readonly metadata?: PodSandboxMetadataInit | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface PodSandboxStats {
  readonly attributes?: PodSandboxAttributes | undefined;
  readonly linux?: LinuxPodSandboxStats | undefined;
  readonly windows?: WindowsPodSandboxStats | undefined;
}
export interface PodSandboxStatsInit {
  readonly attributes?: PodSandboxAttributesInit | undefined;
  readonly linux?: LinuxPodSandboxStatsInit | undefined;
  readonly windows?: WindowsPodSandboxStatsInit | undefined;
}

export interface LinuxPodSandboxStats {
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly network?: NetworkUsage | undefined;
  readonly process?: ProcessUsage | undefined;
  readonly containers: readonly ContainerStats[];
  readonly io?: IoUsage | undefined;
}
export interface LinuxPodSandboxStatsInit {
  readonly cpu?: CpuUsageInit | undefined;
  readonly memory?: MemoryUsageInit | undefined;
  readonly network?: NetworkUsageInit | undefined;
  readonly process?: ProcessUsageInit | undefined;
  readonly containers?: readonly ContainerStatsInit[] | undefined;
  readonly io?: IoUsageInit | undefined;
}

export interface WindowsPodSandboxStats {
  readonly cpu?: WindowsCpuUsage | undefined;
  readonly memory?: WindowsMemoryUsage | undefined;
  readonly network?: WindowsNetworkUsage | undefined;
  readonly process?: WindowsProcessUsage | undefined;
  readonly containers: readonly WindowsContainerStats[];
}
export interface WindowsPodSandboxStatsInit {
  readonly cpu?: WindowsCpuUsageInit | undefined;
  readonly memory?: WindowsMemoryUsageInit | undefined;
  readonly network?: WindowsNetworkUsageInit | undefined;
  readonly process?: WindowsProcessUsageInit | undefined;
  readonly containers?: readonly WindowsContainerStatsInit[] | undefined;
}

export interface NetworkUsage {
  readonly timestamp: bigint;
  readonly defaultInterface?: NetworkInterfaceUsage | undefined;
  readonly interfaces: readonly NetworkInterfaceUsage[];
}
export interface NetworkUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly defaultInterface?: NetworkInterfaceUsageInit | undefined;
  readonly interfaces?: readonly NetworkInterfaceUsageInit[] | undefined;
}

export interface WindowsNetworkUsage {
  readonly timestamp: bigint;
  readonly defaultInterface?: WindowsNetworkInterfaceUsage | undefined;
  readonly interfaces: readonly WindowsNetworkInterfaceUsage[];
}
export interface WindowsNetworkUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly defaultInterface?: WindowsNetworkInterfaceUsageInit | undefined;
  readonly interfaces?: readonly WindowsNetworkInterfaceUsageInit[] | undefined;
}

export interface NetworkInterfaceUsage {
  readonly name: string;
  readonly rxBytes?: UInt64Value | undefined;
  readonly rxErrors?: UInt64Value | undefined;
  readonly txBytes?: UInt64Value | undefined;
  readonly txErrors?: UInt64Value | undefined;
}
export interface NetworkInterfaceUsageInit {
  readonly name?: string | undefined;
  readonly rxBytes?: UInt64ValueInit | undefined;
  readonly rxErrors?: UInt64ValueInit | undefined;
  readonly txBytes?: UInt64ValueInit | undefined;
  readonly txErrors?: UInt64ValueInit | undefined;
}

export interface WindowsNetworkInterfaceUsage {
  readonly name: string;
  readonly rxBytes?: UInt64Value | undefined;
  readonly rxPacketsDropped?: UInt64Value | undefined;
  readonly txBytes?: UInt64Value | undefined;
  readonly txPacketsDropped?: UInt64Value | undefined;
}
export interface WindowsNetworkInterfaceUsageInit {
  readonly name?: string | undefined;
  readonly rxBytes?: UInt64ValueInit | undefined;
  readonly rxPacketsDropped?: UInt64ValueInit | undefined;
  readonly txBytes?: UInt64ValueInit | undefined;
  readonly txPacketsDropped?: UInt64ValueInit | undefined;
}

export interface ProcessUsage {
  readonly timestamp: bigint;
  readonly processCount?: UInt64Value | undefined;
}
export interface ProcessUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly processCount?: UInt64ValueInit | undefined;
}

export interface WindowsProcessUsage {
  readonly timestamp: bigint;
  readonly processCount?: UInt64Value | undefined;
}
export interface WindowsProcessUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly processCount?: UInt64ValueInit | undefined;
}

export interface ImageSpec {
  readonly image: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly userSpecifiedImage: string;
  readonly runtimeHandler: string;
  readonly imageRef: string;
}
export interface ImageSpecInit {
  readonly image?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly userSpecifiedImage?: string | undefined;
  readonly runtimeHandler?: string | undefined;
  readonly imageRef?: string | undefined;
}

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
}
export interface KeyValueInit {
  readonly key?: string | undefined;
  readonly value?: Uint8Array | undefined;
}

export interface LinuxContainerResources {
  readonly cpuPeriod: bigint;
  readonly cpuQuota: bigint;
  readonly cpuShares: bigint;
  readonly memoryLimitInBytes: bigint;
  readonly oomScoreAdj: bigint;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly hugepageLimits: readonly HugepageLimit[];
  readonly unified: Readonly<Record<string, string>>;
  readonly memorySwapLimitInBytes: bigint;
}
export interface LinuxContainerResourcesInit {
  readonly cpuPeriod?: bigint | number | undefined;
  readonly cpuQuota?: bigint | number | undefined;
  readonly cpuShares?: bigint | number | undefined;
  readonly memoryLimitInBytes?: bigint | number | undefined;
  readonly oomScoreAdj?: bigint | number | undefined;
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  readonly hugepageLimits?: readonly HugepageLimitInit[] | undefined;
  readonly unified?: Readonly<Record<string, string>> | undefined;
  readonly memorySwapLimitInBytes?: bigint | number | undefined;
}

export interface HugepageLimit {
  readonly pageSize: string;
  readonly limit: bigint;
}
export interface HugepageLimitInit {
  readonly pageSize?: string | undefined;
  readonly limit?: bigint | number | undefined;
}

export interface SELinuxOption {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}
export interface SELinuxOptionInit {
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly type?: string | undefined;
  readonly level?: string | undefined;
}

export interface Capability {
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly addAmbientCapabilities: readonly string[];
}
export interface CapabilityInit {
  readonly addCapabilities?: readonly string[] | undefined;
  readonly dropCapabilities?: readonly string[] | undefined;
  readonly addAmbientCapabilities?: readonly string[] | undefined;
}

export interface LinuxContainerSecurityContext {
  readonly capabilities?: Capability | undefined;
  readonly privileged: boolean;
  readonly namespaceOptions?: NamespaceOption | undefined;
  readonly selinuxOptions?: SELinuxOption | undefined;
  readonly runAsUser?: Int64Value | undefined;
  readonly runAsGroup?: Int64Value | undefined;
  readonly runAsUsername: string;
  readonly readonlyRootfs: boolean;
  readonly supplementalGroups: readonly bigint[];
  readonly supplementalGroupsPolicy: SupplementalGroupsPolicy;
  readonly noNewPrivs: boolean;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp?: SecurityProfile | undefined;
  readonly apparmor?: SecurityProfile | undefined;
  readonly apparmorProfile: string;
  readonly seccompProfilePath: string;
}
export interface LinuxContainerSecurityContextInit {
  readonly capabilities?: CapabilityInit | undefined;
  readonly privileged?: boolean | undefined;
  readonly namespaceOptions?: NamespaceOptionInit | undefined;
  readonly selinuxOptions?: SELinuxOptionInit | undefined;
  readonly runAsUser?: Int64ValueInit | undefined;
  readonly runAsGroup?: Int64ValueInit | undefined;
  readonly runAsUsername?: string | undefined;
  readonly readonlyRootfs?: boolean | undefined;
  readonly supplementalGroups?: readonly (bigint | number)[] | undefined;
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy | undefined;
  readonly noNewPrivs?: boolean | undefined;
  readonly maskedPaths?: readonly string[] | undefined;
  readonly readonlyPaths?: readonly string[] | undefined;
  readonly seccomp?: SecurityProfileInit | undefined;
  readonly apparmor?: SecurityProfileInit | undefined;
  readonly apparmorProfile?: string | undefined;
  readonly seccompProfilePath?: string | undefined;
}

export interface LinuxContainerConfig {
  readonly resources?: LinuxContainerResources | undefined;
  readonly securityContext?: LinuxContainerSecurityContext | undefined;
}
export interface LinuxContainerConfigInit {
  readonly resources?: LinuxContainerResourcesInit | undefined;
  readonly securityContext?: LinuxContainerSecurityContextInit | undefined;
}

export interface LinuxContainerUser {
  readonly uid: bigint;
  readonly gid: bigint;
  readonly supplementalGroups: readonly bigint[];
}
export interface LinuxContainerUserInit {
  readonly uid?: bigint | number | undefined;
  readonly gid?: bigint | number | undefined;
  readonly supplementalGroups?: readonly (bigint | number)[] | undefined;
}

export interface WindowsNamespaceOption {
  readonly network: NamespaceMode;
}
export interface WindowsNamespaceOptionInit {
  readonly network?: NamespaceMode | undefined;
}

export interface WindowsSandboxSecurityContext {
  readonly runAsUsername: string;
  readonly credentialSpec: string;
  readonly hostProcess: boolean;
  readonly namespaceOptions?: WindowsNamespaceOption | undefined;
}
export interface WindowsSandboxSecurityContextInit {
  readonly runAsUsername?: string | undefined;
  readonly credentialSpec?: string | undefined;
  readonly hostProcess?: boolean | undefined;
  readonly namespaceOptions?: WindowsNamespaceOptionInit | undefined;
}

export interface WindowsPodSandboxConfig {
  readonly securityContext?: WindowsSandboxSecurityContext | undefined;
}
export interface WindowsPodSandboxConfigInit {
  readonly securityContext?: WindowsSandboxSecurityContextInit | undefined;
}

export interface WindowsContainerSecurityContext {
  readonly runAsUsername: string;
  readonly credentialSpec: string;
  readonly hostProcess: boolean;
}
export interface WindowsContainerSecurityContextInit {
  readonly runAsUsername?: string | undefined;
  readonly credentialSpec?: string | undefined;
  readonly hostProcess?: boolean | undefined;
}

export interface WindowsContainerConfig {
  readonly resources?: WindowsContainerResources | undefined;
  readonly securityContext?: WindowsContainerSecurityContext | undefined;
}
export interface WindowsContainerConfigInit {
  readonly resources?: WindowsContainerResourcesInit | undefined;
  readonly securityContext?: WindowsContainerSecurityContextInit | undefined;
}

export interface WindowsContainerResources {
  readonly cpuShares: bigint;
  readonly cpuCount: bigint;
  readonly cpuMaximum: bigint;
  readonly memoryLimitInBytes: bigint;
  readonly rootfsSizeInBytes: bigint;
  readonly affinityCpus: readonly WindowsCpuGroupAffinity[];
}
export interface WindowsContainerResourcesInit {
  readonly cpuShares?: bigint | number | undefined;
  readonly cpuCount?: bigint | number | undefined;
  readonly cpuMaximum?: bigint | number | undefined;
  readonly memoryLimitInBytes?: bigint | number | undefined;
  readonly rootfsSizeInBytes?: bigint | number | undefined;
  readonly affinityCpus?: readonly WindowsCpuGroupAffinityInit[] | undefined;
}

export interface WindowsCpuGroupAffinity {
  readonly cpuMask: bigint;
  readonly cpuGroup: number;
}
export interface WindowsCpuGroupAffinityInit {
  readonly cpuMask?: bigint | number | undefined;
  readonly cpuGroup?: number | undefined;
}

export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}
export interface ContainerMetadataInit {
  readonly name?: string | undefined;
  readonly attempt?: number | undefined;
}

export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly permissions: string;
}
export interface DeviceInit {
  readonly containerPath?: string | undefined;
  readonly hostPath?: string | undefined;
  readonly permissions?: string | undefined;
}

export interface CDIDevice {
  readonly name: string;
}
export interface CDIDeviceInit {
  readonly name?: string | undefined;
}

export interface ContainerConfig {
  readonly metadata?: ContainerMetadata | undefined;
  readonly image?: ImageSpec | undefined;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly KeyValue[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux?: LinuxContainerConfig | undefined;
  readonly windows?: WindowsContainerConfig | undefined;
  readonly CDIDevices: readonly CDIDevice[];
  readonly stopSignal: Signal;
}
export interface ContainerConfigInit {
  readonly metadata?: ContainerMetadataInit | undefined;
  readonly image?: ImageSpecInit | undefined;
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly workingDir?: string | undefined;
  readonly envs?: readonly KeyValueInit[] | undefined;
  readonly mounts?: readonly MountInit[] | undefined;
  readonly devices?: readonly DeviceInit[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly logPath?: string | undefined;
  readonly stdin?: boolean | undefined;
  readonly stdinOnce?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly linux?: LinuxContainerConfigInit | undefined;
  readonly windows?: WindowsContainerConfigInit | undefined;
  readonly CDIDevices?: readonly CDIDeviceInit[] | undefined;
  readonly stopSignal?: Signal | undefined;
}

export interface CreateContainerRequest {
  readonly podSandboxId: string;
  readonly config?: ContainerConfig | undefined;
  readonly sandboxConfig?: PodSandboxConfig | undefined;
}
export interface CreateContainerRequestInit {
  readonly podSandboxId?: string | undefined;
  readonly config?: ContainerConfigInit | undefined;
  readonly sandboxConfig?: PodSandboxConfigInit | undefined;
}

export interface CreateContainerResponse {
  readonly containerId: string;
}
export interface CreateContainerResponseInit {
  readonly containerId?: string | undefined;
}

export interface StartContainerRequest {
  readonly containerId: string;
}
export interface StartContainerRequestInit {
  readonly containerId?: string | undefined;
}

export type StartContainerResponse = Record<string, never>;
export type StartContainerResponseInit = StartContainerResponse;

export interface StopContainerRequest {
  readonly containerId: string;
  readonly timeout: bigint;
}
export interface StopContainerRequestInit {
  readonly containerId?: string | undefined;
  readonly timeout?: bigint | number | undefined;
}

export type StopContainerResponse = Record<string, never>;
export type StopContainerResponseInit = StopContainerResponse;

export interface RemoveContainerRequest {
  readonly containerId: string;
}
export interface RemoveContainerRequestInit {
  readonly containerId?: string | undefined;
}

export type RemoveContainerResponse = Record<string, never>;
export type RemoveContainerResponseInit = RemoveContainerResponse;

export interface ContainerStateValue {
  readonly state: ContainerState;
}
export interface ContainerStateValueInit {
  readonly state?: ContainerState | undefined;
}

export interface ContainerFilter {
  readonly id: string;
  readonly state?: ContainerStateValue | undefined;
  readonly podSandboxId: string;
  readonly labelSelector: Readonly<Record<string, string>>;
}
export interface ContainerFilterInit {
  readonly id?: string | undefined;
  readonly state?: ContainerStateValueInit | undefined;
  readonly podSandboxId?: string | undefined;
  readonly labelSelector?: Readonly<Record<string, string>> | undefined;
}

export interface ListContainersRequest {
  readonly filter?: ContainerFilter | undefined;
}
export interface ListContainersRequestInit {
  readonly filter?: ContainerFilterInit | undefined;
}

export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata?: ContainerMetadata | undefined;
  readonly image?: ImageSpec | undefined;
  readonly imageRef: string;
  readonly state: ContainerState;
  readonly createdAt: bigint;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly imageId: string;
}
export interface ContainerInit {
  readonly id?: string | undefined;
  readonly podSandboxId?: string | undefined;
  readonly metadata?: ContainerMetadataInit | undefined;
  readonly image?: ImageSpecInit | undefined;
  readonly imageRef?: string | undefined;
  readonly state?: ContainerState | undefined;
  readonly createdAt?: bigint | number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly imageId?: string | undefined;
}

export interface ListContainersResponse {
  readonly containers: readonly Container[];
}
export interface ListContainersResponseInit {
  readonly containers?: readonly ContainerInit[] | undefined;
}

export interface StreamContainersRequest {
  readonly filter?: ContainerFilter | undefined;
}
export interface StreamContainersRequestInit {
  readonly filter?: ContainerFilterInit | undefined;
}

export interface StreamContainersResponse {
  readonly containers: readonly Container[];
}
export interface StreamContainersResponseInit {
  readonly containers?: readonly ContainerInit[] | undefined;
}

export interface ContainerStatusRequest {
  readonly containerId: string;
  readonly verbose: boolean;
}
export interface ContainerStatusRequestInit {
  readonly containerId?: string | undefined;
  readonly verbose?: boolean | undefined;
}

export interface ContainerStatus {
  readonly id: string;
  readonly metadata?: ContainerMetadata | undefined;
  readonly state: ContainerState;
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly image?: ImageSpec | undefined;
  readonly imageRef: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly logPath: string;
  readonly resources?: ContainerResources | undefined;
  readonly imageId: string;
  readonly user?: ContainerUser | undefined;
  readonly stopSignal: Signal;
}
export interface ContainerStatusInit {
  readonly id?: string | undefined;
  readonly metadata?: ContainerMetadataInit | undefined;
  readonly state?: ContainerState | undefined;
  readonly createdAt?: bigint | number | undefined;
  readonly startedAt?: bigint | number | undefined;
  readonly finishedAt?: bigint | number | undefined;
  readonly exitCode?: number | undefined;
  readonly image?: ImageSpecInit | undefined;
  readonly imageRef?: string | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly mounts?: readonly MountInit[] | undefined;
  readonly logPath?: string | undefined;
  readonly resources?: ContainerResourcesInit | undefined;
  readonly imageId?: string | undefined;
  readonly user?: ContainerUserInit | undefined;
  readonly stopSignal?: Signal | undefined;
}

export interface ContainerStatusResponse {
  readonly status?: ContainerStatus | undefined;
  readonly info: Readonly<Record<string, string>>;
}
export interface ContainerStatusResponseInit {
  readonly status?: ContainerStatusInit | undefined;
  readonly info?: Readonly<Record<string, string>> | undefined;
}

export interface ContainerResources {
  readonly linux?: LinuxContainerResources | undefined;
  readonly windows?: WindowsContainerResources | undefined;
}
export interface ContainerResourcesInit {
  readonly linux?: LinuxContainerResourcesInit | undefined;
  readonly windows?: WindowsContainerResourcesInit | undefined;
}

export interface ContainerUser {
  readonly linux?: LinuxContainerUser | undefined;
}
export interface ContainerUserInit {
  readonly linux?: LinuxContainerUserInit | undefined;
}

export interface UpdateContainerResourcesRequest {
  readonly containerId: string;
  readonly linux?: LinuxContainerResources | undefined;
  readonly windows?: WindowsContainerResources | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}
export interface UpdateContainerResourcesRequestInit {
  readonly containerId?: string | undefined;
  readonly linux?: LinuxContainerResourcesInit | undefined;
  readonly windows?: WindowsContainerResourcesInit | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export type UpdateContainerResourcesResponse = Record<string, never>;
export type UpdateContainerResourcesResponseInit = UpdateContainerResourcesResponse;

export interface ExecSyncRequest {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly timeout: bigint;
}
export interface ExecSyncRequestInit {
  readonly containerId?: string | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly timeout?: bigint | number | undefined;
}

export interface ExecSyncResponse {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}
export interface ExecSyncResponseInit {
  readonly stdout?: Uint8Array | undefined;
  readonly stderr?: Uint8Array | undefined;
  readonly exitCode?: number | undefined;
}

export interface ExecRequest {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}
export interface ExecRequestInit {
  readonly containerId?: string | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly tty?: boolean | undefined;
  readonly stdin?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
}

export interface ExecResponse {
  readonly url: string;
}
export interface ExecResponseInit {
  readonly url?: string | undefined;
}

export interface AttachRequest {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}
export interface AttachRequestInit {
  readonly containerId?: string | undefined;
  readonly stdin?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
}

export interface AttachResponse {
  readonly url: string;
}
export interface AttachResponseInit {
  readonly url?: string | undefined;
}

export interface PortForwardRequest {
  readonly podSandboxId: string;
  readonly port: readonly number[];
}
export interface PortForwardRequestInit {
  readonly podSandboxId?: string | undefined;
  readonly port?: readonly number[] | undefined;
}

export interface PortForwardResponse {
  readonly url: string;
}
export interface PortForwardResponseInit {
  readonly url?: string | undefined;
}

export interface ImageFilter {
  readonly image?: ImageSpec | undefined;
}
export interface ImageFilterInit {
  readonly image?: ImageSpecInit | undefined;
}

export interface ListImagesRequest {
  readonly filter?: ImageFilter | undefined;
}
export interface ListImagesRequestInit {
  readonly filter?: ImageFilterInit | undefined;
}

export interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: bigint;
  readonly uid?: Int64Value | undefined;
  readonly username: string;
  readonly spec?: ImageSpec | undefined;
  readonly pinned: boolean;
}
export interface ImageInit {
  readonly id?: string | undefined;
  readonly repoTags?: readonly string[] | undefined;
  readonly repoDigests?: readonly string[] | undefined;
  readonly size?: bigint | number | undefined;
  readonly uid?: Int64ValueInit | undefined;
  readonly username?: string | undefined;
  readonly spec?: ImageSpecInit | undefined;
  readonly pinned?: boolean | undefined;
}

export interface ListImagesResponse {
  readonly images: readonly Image[];
}
export interface ListImagesResponseInit {
  readonly images?: readonly ImageInit[] | undefined;
}

export interface StreamImagesRequest {
  readonly filter?: ImageFilter | undefined;
}
export interface StreamImagesRequestInit {
  readonly filter?: ImageFilterInit | undefined;
}

export interface StreamImagesResponse {
  readonly images: readonly Image[];
}
export interface StreamImagesResponseInit {
  readonly images?: readonly ImageInit[] | undefined;
}

export interface ImageStatusRequest {
  readonly image?: ImageSpec | undefined;
  readonly verbose: boolean;
}
export interface ImageStatusRequestInit {
  readonly image?: ImageSpecInit | undefined;
  readonly verbose?: boolean | undefined;
}

export interface ImageStatusResponse {
  readonly image?: Image | undefined;
  readonly info: Readonly<Record<string, string>>;
}
export interface ImageStatusResponseInit {
  readonly image?: ImageInit | undefined;
  readonly info?: Readonly<Record<string, string>> | undefined;
}

export interface AuthConfig {
  readonly username: string;
  readonly password: string;
  readonly auth: string;
  readonly serverAddress: string;
  readonly identityToken: string;
  readonly registryToken: string;
}
export interface AuthConfigInit {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly auth?: string | undefined;
  readonly serverAddress?: string | undefined;
  readonly identityToken?: string | undefined;
  readonly registryToken?: string | undefined;
}

export interface PullImageRequest {
  readonly image?: ImageSpec | undefined;
  readonly auth?: AuthConfig | undefined;
  readonly sandboxConfig?: PodSandboxConfig | undefined;
}
export interface PullImageRequestInit {
  readonly image?: ImageSpecInit | undefined;
  readonly auth?: AuthConfigInit | undefined;
  readonly sandboxConfig?: PodSandboxConfigInit | undefined;
}

export interface PullImageResponse {
  readonly imageRef: string;
}
export interface PullImageResponseInit {
  readonly imageRef?: string | undefined;
}

export interface RemoveImageRequest {
  readonly image?: ImageSpec | undefined;
}
export interface RemoveImageRequestInit {
  readonly image?: ImageSpecInit | undefined;
}

export type RemoveImageResponse = Record<string, never>;
export type RemoveImageResponseInit = RemoveImageResponse;

export interface NetworkConfig {
  readonly podCidr: string;
}
export interface NetworkConfigInit {
  readonly podCidr?: string | undefined;
}

export interface RuntimeConfig {
  readonly networkConfig?: NetworkConfig | undefined;
}
export interface RuntimeConfigInit {
  readonly networkConfig?: NetworkConfigInit | undefined;
}

export interface UpdateRuntimeConfigRequest {
  readonly runtimeConfig?: RuntimeConfig | undefined;
}
export interface UpdateRuntimeConfigRequestInit {
  readonly runtimeConfig?: RuntimeConfigInit | undefined;
}

export type UpdateRuntimeConfigResponse = Record<string, never>;
export type UpdateRuntimeConfigResponseInit = UpdateRuntimeConfigResponse;

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}
export interface RuntimeConditionInit {
  readonly type?: string | undefined;
  readonly status?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
}
export interface RuntimeStatusInit {
  readonly conditions?: readonly RuntimeConditionInit[] | undefined;
}

export interface StatusRequest {
  readonly verbose: boolean;
}
export interface StatusRequestInit {
  readonly verbose?: boolean | undefined;
}

export interface RuntimeHandlerFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}
export interface RuntimeHandlerFeaturesInit {
  readonly recursiveReadOnlyMounts?: boolean | undefined;
  readonly userNamespaces?: boolean | undefined;
}

export interface RuntimeHandler {
  readonly name: string;
  readonly features?: RuntimeHandlerFeatures | undefined;
}
export interface RuntimeHandlerInit {
  readonly name?: string | undefined;
  readonly features?: RuntimeHandlerFeaturesInit | undefined;
}

export interface RuntimeFeatures {
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
  readonly mountOptions: boolean;
}
export interface RuntimeFeaturesInit {
  readonly supplementalGroupsPolicy?: boolean | undefined;
  readonly userNamespacesHostNetwork?: boolean | undefined;
  readonly mountOptions?: boolean | undefined;
}

export interface StatusResponse {
  readonly status?: RuntimeStatus | undefined;
  readonly info: Readonly<Record<string, string>>;
  readonly runtimeHandlers: readonly RuntimeHandler[];
  readonly features?: RuntimeFeatures | undefined;
}
export interface StatusResponseInit {
  readonly status?: RuntimeStatusInit | undefined;
  readonly info?: Readonly<Record<string, string>> | undefined;
  readonly runtimeHandlers?: readonly RuntimeHandlerInit[] | undefined;
  readonly features?: RuntimeFeaturesInit | undefined;
}

export type ImageFsInfoRequest = Record<string, never>;
export type ImageFsInfoRequestInit = ImageFsInfoRequest;

export interface UInt64Value {
  readonly value: bigint;
}
export interface UInt64ValueInit {
  readonly value?: bigint | number | undefined;
}

export interface FilesystemIdentifier {
  readonly mountpoint: string;
}
export interface FilesystemIdentifierInit {
  readonly mountpoint?: string | undefined;
}

export interface FilesystemUsage {
  readonly timestamp: bigint;
  readonly fsId?: FilesystemIdentifier | undefined;
  readonly usedBytes?: UInt64Value | undefined;
  readonly inodesUsed?: UInt64Value | undefined;
}
export interface FilesystemUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly fsId?: FilesystemIdentifierInit | undefined;
  readonly usedBytes?: UInt64ValueInit | undefined;
  readonly inodesUsed?: UInt64ValueInit | undefined;
}

export interface WindowsFilesystemUsage {
  readonly timestamp: bigint;
  readonly fsId?: FilesystemIdentifier | undefined;
  readonly usedBytes?: UInt64Value | undefined;
}
export interface WindowsFilesystemUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly fsId?: FilesystemIdentifierInit | undefined;
  readonly usedBytes?: UInt64ValueInit | undefined;
}

export interface ImageFsInfoResponse {
  readonly imageFilesystems: readonly FilesystemUsage[];
  readonly containerFilesystems: readonly FilesystemUsage[];
}
export interface ImageFsInfoResponseInit {
  readonly imageFilesystems?: readonly FilesystemUsageInit[] | undefined;
  readonly containerFilesystems?: readonly FilesystemUsageInit[] | undefined;
}

export interface ContainerStatsRequest {
  readonly containerId: string;
}
export interface ContainerStatsRequestInit {
  readonly containerId?: string | undefined;
}

export interface ContainerStatsResponse {
  readonly stats?: ContainerStats | undefined;
}
export interface ContainerStatsResponseInit {
  readonly stats?: ContainerStatsInit | undefined;
}

export interface ListContainerStatsRequest {
  readonly filter?: ContainerStatsFilter | undefined;
}
export interface ListContainerStatsRequestInit {
  readonly filter?: ContainerStatsFilterInit | undefined;
}

export interface ContainerStatsFilter {
  readonly id: string;
  readonly podSandboxId: string;
  readonly labelSelector: Readonly<Record<string, string>>;
}
export interface ContainerStatsFilterInit {
  readonly id?: string | undefined;
  readonly podSandboxId?: string | undefined;
  readonly labelSelector?: Readonly<Record<string, string>> | undefined;
}

export interface ListContainerStatsResponse {
  readonly stats: readonly ContainerStats[];
}
export interface ListContainerStatsResponseInit {
  readonly stats?: readonly ContainerStatsInit[] | undefined;
}

export interface StreamContainerStatsRequest {
  readonly filter?: ContainerStatsFilter | undefined;
}
export interface StreamContainerStatsRequestInit {
  readonly filter?: ContainerStatsFilterInit | undefined;
}

export interface StreamContainerStatsResponse {
  readonly containerStats: readonly ContainerStats[];
}
export interface StreamContainerStatsResponseInit {
  readonly containerStats?: readonly ContainerStatsInit[] | undefined;
}

export interface ContainerAttributes {
  readonly id: string;
  readonly metadata?: ContainerMetadata | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
export interface ContainerAttributesInit {
  readonly id?: string | undefined;
  readonly metadata?: ContainerMetadataInit | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface ContainerStats {
  readonly attributes?: ContainerAttributes | undefined;
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly writableLayer?: FilesystemUsage | undefined;
  readonly swap?: SwapUsage | undefined;
  readonly io?: IoUsage | undefined;
}
export interface ContainerStatsInit {
  readonly attributes?: ContainerAttributesInit | undefined;
  readonly cpu?: CpuUsageInit | undefined;
  readonly memory?: MemoryUsageInit | undefined;
  readonly writableLayer?: FilesystemUsageInit | undefined;
  readonly swap?: SwapUsageInit | undefined;
  readonly io?: IoUsageInit | undefined;
}

export interface WindowsContainerStats {
  readonly attributes?: ContainerAttributes | undefined;
  readonly cpu?: WindowsCpuUsage | undefined;
  readonly memory?: WindowsMemoryUsage | undefined;
  readonly writableLayer?: WindowsFilesystemUsage | undefined;
}
export interface WindowsContainerStatsInit {
  readonly attributes?: ContainerAttributesInit | undefined;
  readonly cpu?: WindowsCpuUsageInit | undefined;
  readonly memory?: WindowsMemoryUsageInit | undefined;
  readonly writableLayer?: WindowsFilesystemUsageInit | undefined;
}

export interface PsiStats {
  readonly Full?: PsiData | undefined;
  readonly Some?: PsiData | undefined;
}
export interface PsiStatsInit {
  readonly Full?: PsiDataInit | undefined;
  readonly Some?: PsiDataInit | undefined;
}

export interface PsiData {
  readonly Total: bigint;
  readonly Avg10: number;
  readonly Avg60: number;
  readonly Avg300: number;
}
export interface PsiDataInit {
  readonly Total?: bigint | number | undefined;
  readonly Avg10?: number | undefined;
  readonly Avg60?: number | undefined;
  readonly Avg300?: number | undefined;
}

export interface CpuUsage {
  readonly timestamp: bigint;
  readonly usageCoreNanoSeconds?: UInt64Value | undefined;
  readonly usageNanoCores?: UInt64Value | undefined;
  readonly psi?: PsiStats | undefined;
}
export interface CpuUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly usageCoreNanoSeconds?: UInt64ValueInit | undefined;
  readonly usageNanoCores?: UInt64ValueInit | undefined;
  readonly psi?: PsiStatsInit | undefined;
}

export interface WindowsCpuUsage {
  readonly timestamp: bigint;
  readonly usageCoreNanoSeconds?: UInt64Value | undefined;
  readonly usageNanoCores?: UInt64Value | undefined;
}
export interface WindowsCpuUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly usageCoreNanoSeconds?: UInt64ValueInit | undefined;
  readonly usageNanoCores?: UInt64ValueInit | undefined;
}

export interface MemoryUsage {
  readonly timestamp: bigint;
  readonly workingSetBytes?: UInt64Value | undefined;
  readonly availableBytes?: UInt64Value | undefined;
  readonly usageBytes?: UInt64Value | undefined;
  readonly rssBytes?: UInt64Value | undefined;
  readonly pageFaults?: UInt64Value | undefined;
  readonly majorPageFaults?: UInt64Value | undefined;
  readonly psi?: PsiStats | undefined;
}
export interface MemoryUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly workingSetBytes?: UInt64ValueInit | undefined;
  readonly availableBytes?: UInt64ValueInit | undefined;
  readonly usageBytes?: UInt64ValueInit | undefined;
  readonly rssBytes?: UInt64ValueInit | undefined;
  readonly pageFaults?: UInt64ValueInit | undefined;
  readonly majorPageFaults?: UInt64ValueInit | undefined;
  readonly psi?: PsiStatsInit | undefined;
}

export interface IoUsage {
  readonly timestamp: bigint;
  readonly psi?: PsiStats | undefined;
}
export interface IoUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly psi?: PsiStatsInit | undefined;
}

export interface SwapUsage {
  readonly timestamp: bigint;
  readonly swapAvailableBytes?: UInt64Value | undefined;
  readonly swapUsageBytes?: UInt64Value | undefined;
}
export interface SwapUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly swapAvailableBytes?: UInt64ValueInit | undefined;
  readonly swapUsageBytes?: UInt64ValueInit | undefined;
}

export interface WindowsMemoryUsage {
  readonly timestamp: bigint;
  readonly workingSetBytes?: UInt64Value | undefined;
  readonly availableBytes?: UInt64Value | undefined;
  readonly pageFaults?: UInt64Value | undefined;
  readonly commitMemoryBytes?: UInt64Value | undefined;
}
export interface WindowsMemoryUsageInit {
  readonly timestamp?: bigint | number | undefined;
  readonly workingSetBytes?: UInt64ValueInit | undefined;
  readonly availableBytes?: UInt64ValueInit | undefined;
  readonly pageFaults?: UInt64ValueInit | undefined;
  readonly commitMemoryBytes?: UInt64ValueInit | undefined;
}

export interface ReopenContainerLogRequest {
  readonly containerId: string;
}
export interface ReopenContainerLogRequestInit {
  readonly containerId?: string | undefined;
}

export type ReopenContainerLogResponse = Record<string, never>;
export type ReopenContainerLogResponseInit = ReopenContainerLogResponse;

export interface CheckpointContainerRequest {
  readonly containerId: string;
  readonly location: string;
  readonly timeout: bigint;
}
export interface CheckpointContainerRequestInit {
  readonly containerId?: string | undefined;
  readonly location?: string | undefined;
  readonly timeout?: bigint | number | undefined;
}

export type CheckpointContainerResponse = Record<string, never>;
export type CheckpointContainerResponseInit = CheckpointContainerResponse;

export interface CheckpointPodRequest {
  readonly podSandboxId: string;
  readonly outputPath: string;
  readonly containerIds: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}
export interface CheckpointPodRequestInit {
  readonly podSandboxId?: string | undefined;
  readonly outputPath?: string | undefined;
  readonly containerIds?: readonly string[] | undefined;
  readonly options?: Readonly<Record<string, string>> | undefined;
}

export type CheckpointPodResponse = Record<string, never>;
export type CheckpointPodResponseInit = CheckpointPodResponse;

export interface RestorePodRequest {
  readonly checkpointPath: string;
  readonly config?: PodSandboxConfig | undefined;
  readonly runtimeHandler: string;
  readonly options: Readonly<Record<string, string>>;
  readonly containerConfigs: readonly ContainerConfig[];
}
export interface RestorePodRequestInit {
  readonly checkpointPath?: string | undefined;
  readonly config?: PodSandboxConfigInit | undefined;
  readonly runtimeHandler?: string | undefined;
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly containerConfigs?: readonly ContainerConfigInit[] | undefined;
}

export interface RestoredContainer {
  readonly name: string;
  readonly containerId: string;
}
export interface RestoredContainerInit {
  readonly name?: string | undefined;
  readonly containerId?: string | undefined;
}

export interface RestorePodResponse {
  readonly podSandboxId: string;
  readonly restoredContainers: readonly RestoredContainer[];
}
export interface RestorePodResponseInit {
  readonly podSandboxId?: string | undefined;
  readonly restoredContainers?: readonly RestoredContainerInit[] | undefined;
}

export type GetEventsRequest = Record<string, never>;
export type GetEventsRequestInit = GetEventsRequest;

export interface ContainerEventResponse {
  readonly containerId: string;
  readonly containerEventType: ContainerEventType;
  readonly createdAt: bigint;
  readonly podSandboxStatus?: PodSandboxStatus | undefined;
  readonly containersStatuses: readonly ContainerStatus[];
}
export interface ContainerEventResponseInit {
  readonly containerId?: string | undefined;
  readonly containerEventType?: ContainerEventType | undefined;
  readonly createdAt?: bigint | number | undefined;
  readonly podSandboxStatus?: PodSandboxStatusInit | undefined;
  readonly containersStatuses?: readonly ContainerStatusInit[] | undefined;
}

export type ListMetricDescriptorsRequest = Record<string, never>;
export type ListMetricDescriptorsRequestInit = ListMetricDescriptorsRequest;

export interface ListMetricDescriptorsResponse {
  readonly descriptors: readonly MetricDescriptor[];
}
export interface ListMetricDescriptorsResponseInit {
  readonly descriptors?: readonly MetricDescriptorInit[] | undefined;
}

export interface MetricDescriptor {
  readonly name: string;
  readonly help: string;
  readonly labelKeys: readonly string[];
}
export interface MetricDescriptorInit {
  readonly name?: string | undefined;
  readonly help?: string | undefined;
  readonly labelKeys?: readonly string[] | undefined;
}

export type ListPodSandboxMetricsRequest = Record<string, never>;
export type ListPodSandboxMetricsRequestInit = ListPodSandboxMetricsRequest;

export interface ListPodSandboxMetricsResponse {
  readonly podMetrics: readonly PodSandboxMetrics[];
}
export interface ListPodSandboxMetricsResponseInit {
  readonly podMetrics?: readonly PodSandboxMetricsInit[] | undefined;
}

export type StreamPodSandboxMetricsRequest = Record<string, never>;
export type StreamPodSandboxMetricsRequestInit = StreamPodSandboxMetricsRequest;

export interface StreamPodSandboxMetricsResponse {
  readonly podSandboxMetrics: readonly PodSandboxMetrics[];
}
export interface StreamPodSandboxMetricsResponseInit {
  readonly podSandboxMetrics?: readonly PodSandboxMetricsInit[] | undefined;
}

export interface PodSandboxMetrics {
  readonly podSandboxId: string;
  readonly metrics: readonly Metric[];
  readonly containerMetrics: readonly ContainerMetrics[];
}
export interface PodSandboxMetricsInit {
  readonly podSandboxId?: string | undefined;
  readonly metrics?: readonly MetricInit[] | undefined;
  readonly containerMetrics?: readonly ContainerMetricsInit[] | undefined;
}

export interface ContainerMetrics {
  readonly containerId: string;
  readonly metrics: readonly Metric[];
}
export interface ContainerMetricsInit {
  readonly containerId?: string | undefined;
  readonly metrics?: readonly MetricInit[] | undefined;
}

export interface Metric {
  readonly name: string;
  readonly timestamp: bigint;
  readonly metricType: MetricType;
  readonly labelValues: readonly string[];
  readonly value?: UInt64Value | undefined;
}
export interface MetricInit {
  readonly name?: string | undefined;
  readonly timestamp?: bigint | number | undefined;
  readonly metricType?: MetricType | undefined;
  readonly labelValues?: readonly string[] | undefined;
  readonly value?: UInt64ValueInit | undefined;
}

export type RuntimeConfigRequest = Record<string, never>;
export type RuntimeConfigRequestInit = RuntimeConfigRequest;

export interface RuntimeConfigResponse {
  readonly linux?: LinuxRuntimeConfiguration | undefined;
}
export interface RuntimeConfigResponseInit {
  readonly linux?: LinuxRuntimeConfigurationInit | undefined;
}

export interface LinuxRuntimeConfiguration {
  readonly cgroupDriver: CgroupDriver;
}
export interface LinuxRuntimeConfigurationInit {
  readonly cgroupDriver?: CgroupDriver | undefined;
}

export interface UpdatePodSandboxResourcesRequest {
  readonly podSandboxId: string;
  readonly overhead?: LinuxContainerResources | undefined;
  readonly resources?: LinuxContainerResources | undefined;
}
export interface UpdatePodSandboxResourcesRequestInit {
  readonly podSandboxId?: string | undefined;
  readonly overhead?: LinuxContainerResourcesInit | undefined;
  readonly resources?: LinuxContainerResourcesInit | undefined;
}

export type UpdatePodSandboxResourcesResponse = Record<string, never>;
export type UpdatePodSandboxResourcesResponseInit = UpdatePodSandboxResourcesResponse;

/** Every message by its name, as it is when decoded. */
export interface Messages {
  VersionRequest: VersionRequest;
  VersionResponse: VersionResponse;
  DNSConfig: DNSConfig;
  PortMapping: PortMapping;
  Mount: Mount;
  IDMapping: IDMapping;
  UserNamespace: UserNamespace;
  NamespaceOption: NamespaceOption;
  Int64Value: Int64Value;
  LinuxSandboxSecurityContext: LinuxSandboxSecurityContext;
  SecurityProfile: SecurityProfile;
  LinuxPodSandboxConfig: LinuxPodSandboxConfig;
  PodSandboxMetadata: PodSandboxMetadata;
  PodSandboxConfig: PodSandboxConfig;
  RunPodSandboxRequest: RunPodSandboxRequest;
  RunPodSandboxResponse: RunPodSandboxResponse;
  StopPodSandboxRequest: StopPodSandboxRequest;
  StopPodSandboxResponse: StopPodSandboxResponse;
  RemovePodSandboxRequest: RemovePodSandboxRequest;
  RemovePodSandboxResponse: RemovePodSandboxResponse;
  PodSandboxStatusRequest: PodSandboxStatusRequest;
  PodIP: PodIP;
  PodSandboxNetworkStatus: PodSandboxNetworkStatus;
  Namespace: Namespace;
  LinuxPodSandboxStatus: LinuxPodSandboxStatus;
  PodSandboxStatus: PodSandboxStatus;
  PodSandboxStatusResponse: PodSandboxStatusResponse;
  PodSandboxStateValue: PodSandboxStateValue;
  PodSandboxFilter: PodSandboxFilter;
  ListPodSandboxRequest: ListPodSandboxRequest;
  PodSandbox: PodSandbox;
  ListPodSandboxResponse: ListPodSandboxResponse;
  StreamPodSandboxesRequest: StreamPodSandboxesRequest;
  StreamPodSandboxesResponse: StreamPodSandboxesResponse;
  PodSandboxStatsRequest: PodSandboxStatsRequest;
  PodSandboxStatsResponse: PodSandboxStatsResponse;
  PodSandboxStatsFilter: PodSandboxStatsFilter;
  ListPodSandboxStatsRequest: ListPodSandboxStatsRequest;
  ListPodSandboxStatsResponse: ListPodSandboxStatsResponse;
  StreamPodSandboxStatsRequest: StreamPodSandboxStatsRequest;
  StreamPodSandboxStatsResponse: StreamPodSandboxStatsResponse;
  PodSandboxAttributes: PodSandboxAttributes;
  PodSandboxStats: PodSandboxStats;
  LinuxPodSandboxStats: LinuxPodSandboxStats;
  WindowsPodSandboxStats: WindowsPodSandboxStats;
  NetworkUsage: NetworkUsage;
  WindowsNetworkUsage: WindowsNetworkUsage;
  NetworkInterfaceUsage: NetworkInterfaceUsage;
  WindowsNetworkInterfaceUsage: WindowsNetworkInterfaceUsage;
  ProcessUsage: ProcessUsage;
  WindowsProcessUsage: WindowsProcessUsage;
  ImageSpec: ImageSpec;
  KeyValue: KeyValue;
  LinuxContainerResources: LinuxContainerResources;
  HugepageLimit: HugepageLimit;
  SELinuxOption: SELinuxOption;
  Capability: Capability;
  LinuxContainerSecurityContext: LinuxContainerSecurityContext;
  LinuxContainerConfig: LinuxContainerConfig;
  LinuxContainerUser: LinuxContainerUser;
  WindowsNamespaceOption: WindowsNamespaceOption;
  WindowsSandboxSecurityContext: WindowsSandboxSecurityContext;
  WindowsPodSandboxConfig: WindowsPodSandboxConfig;
  WindowsContainerSecurityContext: WindowsContainerSecurityContext;
  WindowsContainerConfig: WindowsContainerConfig;
  WindowsContainerResources: WindowsContainerResources;
  WindowsCpuGroupAffinity: WindowsCpuGroupAffinity;
  ContainerMetadata: ContainerMetadata;
  Device: Device;
  CDIDevice: CDIDevice;
  ContainerConfig: ContainerConfig;
  CreateContainerRequest: CreateContainerRequest;
  CreateContainerResponse: CreateContainerResponse;
  StartContainerRequest: StartContainerRequest;
  StartContainerResponse: StartContainerResponse;
  StopContainerRequest: StopContainerRequest;
  StopContainerResponse: StopContainerResponse;
  RemoveContainerRequest: RemoveContainerRequest;
  RemoveContainerResponse: RemoveContainerResponse;
  ContainerStateValue: ContainerStateValue;
  ContainerFilter: ContainerFilter;
  ListContainersRequest: ListContainersRequest;
  Container: Container;
  ListContainersResponse: ListContainersResponse;
  StreamContainersRequest: StreamContainersRequest;
  StreamContainersResponse: StreamContainersResponse;
  ContainerStatusRequest: ContainerStatusRequest;
  ContainerStatus: ContainerStatus;
  ContainerStatusResponse: ContainerStatusResponse;
  ContainerResources: ContainerResources;
  ContainerUser: ContainerUser;
  UpdateContainerResourcesRequest: UpdateContainerResourcesRequest;
  UpdateContainerResourcesResponse: UpdateContainerResourcesResponse;
  ExecSyncRequest: ExecSyncRequest;
  ExecSyncResponse: ExecSyncResponse;
  ExecRequest: ExecRequest;
  ExecResponse: ExecResponse;
  AttachRequest: AttachRequest;
  AttachResponse: AttachResponse;
  PortForwardRequest: PortForwardRequest;
  PortForwardResponse: PortForwardResponse;
  ImageFilter: ImageFilter;
  ListImagesRequest: ListImagesRequest;
  Image: Image;
  ListImagesResponse: ListImagesResponse;
  StreamImagesRequest: StreamImagesRequest;
  StreamImagesResponse: StreamImagesResponse;
  ImageStatusRequest: ImageStatusRequest;
  ImageStatusResponse: ImageStatusResponse;
  AuthConfig: AuthConfig;
  PullImageRequest: PullImageRequest;
  PullImageResponse: PullImageResponse;
  RemoveImageRequest: RemoveImageRequest;
  RemoveImageResponse: RemoveImageResponse;
  NetworkConfig: NetworkConfig;
  RuntimeConfig: RuntimeConfig;
  UpdateRuntimeConfigRequest: UpdateRuntimeConfigRequest;
  UpdateRuntimeConfigResponse: UpdateRuntimeConfigResponse;
  RuntimeCondition: RuntimeCondition;
  RuntimeStatus: RuntimeStatus;
  StatusRequest: StatusRequest;
  RuntimeHandlerFeatures: RuntimeHandlerFeatures;
  RuntimeHandler: RuntimeHandler;
  RuntimeFeatures: RuntimeFeatures;
  StatusResponse: StatusResponse;
  ImageFsInfoRequest: ImageFsInfoRequest;
  UInt64Value: UInt64Value;
  FilesystemIdentifier: FilesystemIdentifier;
  FilesystemUsage: FilesystemUsage;
  WindowsFilesystemUsage: WindowsFilesystemUsage;
  ImageFsInfoResponse: ImageFsInfoResponse;
  ContainerStatsRequest: ContainerStatsRequest;
  ContainerStatsResponse: ContainerStatsResponse;
  ListContainerStatsRequest: ListContainerStatsRequest;
  ContainerStatsFilter: ContainerStatsFilter;
  ListContainerStatsResponse: ListContainerStatsResponse;
  StreamContainerStatsRequest: StreamContainerStatsRequest;
  StreamContainerStatsResponse: StreamContainerStatsResponse;
  ContainerAttributes: ContainerAttributes;
  ContainerStats: ContainerStats;
  WindowsContainerStats: WindowsContainerStats;
  PsiStats: PsiStats;
  PsiData: PsiData;
  CpuUsage: CpuUsage;
  WindowsCpuUsage: WindowsCpuUsage;
  MemoryUsage: MemoryUsage;
  IoUsage: IoUsage;
  SwapUsage: SwapUsage;
  WindowsMemoryUsage: WindowsMemoryUsage;
  ReopenContainerLogRequest: ReopenContainerLogRequest;
  ReopenContainerLogResponse: ReopenContainerLogResponse;
  CheckpointContainerRequest: CheckpointContainerRequest;
  CheckpointContainerResponse: CheckpointContainerResponse;
  CheckpointPodRequest: CheckpointPodRequest;
  CheckpointPodResponse: CheckpointPodResponse;
  RestorePodRequest: RestorePodRequest;
  RestoredContainer: RestoredContainer;
  RestorePodResponse: RestorePodResponse;
  GetEventsRequest: GetEventsRequest;
  ContainerEventResponse: ContainerEventResponse;
  ListMetricDescriptorsRequest: ListMetricDescriptorsRequest;
  ListMetricDescriptorsResponse: ListMetricDescriptorsResponse;
  MetricDescriptor: MetricDescriptor;
  ListPodSandboxMetricsRequest: ListPodSandboxMetricsRequest;
  ListPodSandboxMetricsResponse: ListPodSandboxMetricsResponse;
  StreamPodSandboxMetricsRequest: StreamPodSandboxMetricsRequest;
  StreamPodSandboxMetricsResponse: StreamPodSandboxMetricsResponse;
  PodSandboxMetrics: PodSandboxMetrics;
  ContainerMetrics: ContainerMetrics;
  Metric: Metric;
  RuntimeConfigRequest: RuntimeConfigRequest;
  RuntimeConfigResponse: RuntimeConfigResponse;
  LinuxRuntimeConfiguration: LinuxRuntimeConfiguration;
  UpdatePodSandboxResourcesRequest: UpdatePodSandboxResourcesRequest;
  UpdatePodSandboxResourcesResponse: UpdatePodSandboxResourcesResponse;
}

/** Every message by its name, as it may be given for encoding: whatever is absent has its default. */
export interface MessageInits {
  VersionRequest: VersionRequestInit;
  VersionResponse: VersionResponseInit;
  DNSConfig: DNSConfigInit;
  PortMapping: PortMappingInit;
  Mount: MountInit;
  IDMapping: IDMappingInit;
  UserNamespace: UserNamespaceInit;
  NamespaceOption: NamespaceOptionInit;
  Int64Value: Int64ValueInit;
  LinuxSandboxSecurityContext: LinuxSandboxSecurityContextInit;
  SecurityProfile: SecurityProfileInit;
  LinuxPodSandboxConfig: LinuxPodSandboxConfigInit;
  PodSandboxMetadata: PodSandboxMetadataInit;
  PodSandboxConfig: PodSandboxConfigInit;
  RunPodSandboxRequest: RunPodSandboxRequestInit;
  RunPodSandboxResponse: RunPodSandboxResponseInit;
  StopPodSandboxRequest: StopPodSandboxRequestInit;
  StopPodSandboxResponse: StopPodSandboxResponseInit;
  RemovePodSandboxRequest: RemovePodSandboxRequestInit;
  RemovePodSandboxResponse: RemovePodSandboxResponseInit;
  PodSandboxStatusRequest: PodSandboxStatusRequestInit;
  PodIP: PodIPInit;
  PodSandboxNetworkStatus: PodSandboxNetworkStatusInit;
  Namespace: NamespaceInit;
  LinuxPodSandboxStatus: LinuxPodSandboxStatusInit;
  PodSandboxStatus: PodSandboxStatusInit;
  PodSandboxStatusResponse: PodSandboxStatusResponseInit;
  PodSandboxStateValue: PodSandboxStateValueInit;
  PodSandboxFilter: PodSandboxFilterInit;
  ListPodSandboxRequest: ListPodSandboxRequestInit;
  PodSandbox: PodSandboxInit;
  ListPodSandboxResponse: ListPodSandboxResponseInit;
  StreamPodSandboxesRequest: StreamPodSandboxesRequestInit;
  StreamPodSandboxesResponse: StreamPodSandboxesResponseInit;
  PodSandboxStatsRequest: PodSandboxStatsRequestInit;
  PodSandboxStatsResponse: PodSandboxStatsResponseInit;
  PodSandboxStatsFilter: PodSandboxStatsFilterInit;
  ListPodSandboxStatsRequest: ListPodSandboxStatsRequestInit;
  ListPodSandboxStatsResponse: ListPodSandboxStatsResponseInit;
  StreamPodSandboxStatsRequest: StreamPodSandboxStatsRequestInit;
  StreamPodSandboxStatsResponse: StreamPodSandboxStatsResponseInit;
  PodSandboxAttributes: PodSandboxAttributesInit;
  PodSandboxStats: PodSandboxStatsInit;
  LinuxPodSandboxStats: LinuxPodSandboxStatsInit;
  WindowsPodSandboxStats: WindowsPodSandboxStatsInit;
  NetworkUsage: NetworkUsageInit;
  WindowsNetworkUsage: WindowsNetworkUsageInit;
  NetworkInterfaceUsage: NetworkInterfaceUsageInit;
  WindowsNetworkInterfaceUsage: WindowsNetworkInterfaceUsageInit;
  ProcessUsage: ProcessUsageInit;
  WindowsProcessUsage: WindowsProcessUsageInit;
  ImageSpec: ImageSpecInit;
  KeyValue: KeyValueInit;
  LinuxContainerResources: LinuxContainerResourcesInit;
  HugepageLimit: HugepageLimitInit;
  SELinuxOption: SELinuxOptionInit;
  Capability: CapabilityInit;
  LinuxContainerSecurityContext: LinuxContainerSecurityContextInit;
  LinuxContainerConfig: LinuxContainerConfigInit;
  LinuxContainerUser: LinuxContainerUserInit;
  WindowsNamespaceOption: WindowsNamespaceOptionInit;
  WindowsSandboxSecurityContext: WindowsSandboxSecurityContextInit;
  WindowsPodSandboxConfig: WindowsPodSandboxConfigInit;
  WindowsContainerSecurityContext: WindowsContainerSecurityContextInit;
  WindowsContainerConfig: WindowsContainerConfigInit;
  WindowsContainerResources: WindowsContainerResourcesInit;
  WindowsCpuGroupAffinity: WindowsCpuGroupAffinityInit;
  ContainerMetadata: ContainerMetadataInit;
  Device: DeviceInit;
  CDIDevice: CDIDeviceInit;
  ContainerConfig: ContainerConfigInit;
  CreateContainerRequest: CreateContainerRequestInit;
  CreateContainerResponse: CreateContainerResponseInit;
  StartContainerRequest: StartContainerRequestInit;
  StartContainerResponse: StartContainerResponseInit;
  StopContainerRequest: StopContainerRequestInit;
  StopContainerResponse: StopContainerResponseInit;
  RemoveContainerRequest: RemoveContainerRequestInit;
  RemoveContainerResponse: RemoveContainerResponseInit;
  ContainerStateValue: ContainerStateValueInit;
  ContainerFilter: ContainerFilterInit;
  ListContainersRequest: ListContainersRequestInit;
  Container: ContainerInit;
  ListContainersResponse: ListContainersResponseInit;
  StreamContainersRequest: StreamContainersRequestInit;
  StreamContainersResponse: StreamContainersResponseInit;
  ContainerStatusRequest: ContainerStatusRequestInit;
  ContainerStatus: ContainerStatusInit;
  ContainerStatusResponse: ContainerStatusResponseInit;
  ContainerResources: ContainerResourcesInit;
  ContainerUser: ContainerUserInit;
  UpdateContainerResourcesRequest: UpdateContainerResourcesRequestInit;
  UpdateContainerResourcesResponse: UpdateContainerResourcesResponseInit;
  ExecSyncRequest: ExecSyncRequestInit;
  ExecSyncResponse: ExecSyncResponseInit;
  ExecRequest: ExecRequestInit;
  ExecResponse: ExecResponseInit;
  AttachRequest: AttachRequestInit;
  AttachResponse: AttachResponseInit;
  PortForwardRequest: PortForwardRequestInit;
  PortForwardResponse: PortForwardResponseInit;
  ImageFilter: ImageFilterInit;
  ListImagesRequest: ListImagesRequestInit;
  Image: ImageInit;
  ListImagesResponse: ListImagesResponseInit;
  StreamImagesRequest: StreamImagesRequestInit;
  StreamImagesResponse: StreamImagesResponseInit;
  ImageStatusRequest: ImageStatusRequestInit;
  ImageStatusResponse: ImageStatusResponseInit;
  AuthConfig: AuthConfigInit;
  PullImageRequest: PullImageRequestInit;
  PullImageResponse: PullImageResponseInit;
  RemoveImageRequest: RemoveImageRequestInit;
  RemoveImageResponse: RemoveImageResponseInit;
  NetworkConfig: NetworkConfigInit;
  RuntimeConfig: RuntimeConfigInit;
  UpdateRuntimeConfigRequest: UpdateRuntimeConfigRequestInit;
  UpdateRuntimeConfigResponse: UpdateRuntimeConfigResponseInit;
  RuntimeCondition: RuntimeConditionInit;
  RuntimeStatus: RuntimeStatusInit;
  StatusRequest: StatusRequestInit;
  RuntimeHandlerFeatures: RuntimeHandlerFeaturesInit;
  RuntimeHandler: RuntimeHandlerInit;
  RuntimeFeatures: RuntimeFeaturesInit;
  StatusResponse: StatusResponseInit;
  ImageFsInfoRequest: ImageFsInfoRequestInit;
  UInt64Value: UInt64ValueInit;
  FilesystemIdentifier: FilesystemIdentifierInit;
  FilesystemUsage: FilesystemUsageInit;
  WindowsFilesystemUsage: WindowsFilesystemUsageInit;
  ImageFsInfoResponse: ImageFsInfoResponseInit;
  ContainerStatsRequest: ContainerStatsRequestInit;
  ContainerStatsResponse: ContainerStatsResponseInit;
  ListContainerStatsRequest: ListContainerStatsRequestInit;
  ContainerStatsFilter: ContainerStatsFilterInit;
  ListContainerStatsResponse: ListContainerStatsResponseInit;
  StreamContainerStatsRequest: StreamContainerStatsRequestInit;
  StreamContainerStatsResponse: StreamContainerStatsResponseInit;
  ContainerAttributes: ContainerAttributesInit;
  ContainerStats: ContainerStatsInit;
  WindowsContainerStats: WindowsContainerStatsInit;
  PsiStats: PsiStatsInit;
  PsiData: PsiDataInit;
  CpuUsage: CpuUsageInit;
  WindowsCpuUsage: WindowsCpuUsageInit;
  MemoryUsage: MemoryUsageInit;
  IoUsage: IoUsageInit;
  SwapUsage: SwapUsageInit;
  WindowsMemoryUsage: WindowsMemoryUsageInit;
  ReopenContainerLogRequest: ReopenContainerLogRequestInit;
  ReopenContainerLogResponse: ReopenContainerLogResponseInit;
  CheckpointContainerRequest: CheckpointContainerRequestInit;
  CheckpointContainerResponse: CheckpointContainerResponseInit;
  CheckpointPodRequest: CheckpointPodRequestInit;
  CheckpointPodResponse: CheckpointPodResponseInit;
  RestorePodRequest: RestorePodRequestInit;
  RestoredContainer: RestoredContainerInit;
  RestorePodResponse: RestorePodResponseInit;
  GetEventsRequest: GetEventsRequestInit;
  ContainerEventResponse: ContainerEventResponseInit;
  ListMetricDescriptorsRequest: ListMetricDescriptorsRequestInit;
  ListMetricDescriptorsResponse: ListMetricDescriptorsResponseInit;
  MetricDescriptor: MetricDescriptorInit;
  ListPodSandboxMetricsRequest: ListPodSandboxMetricsRequestInit;
  ListPodSandboxMetricsResponse: ListPodSandboxMetricsResponseInit;
  StreamPodSandboxMetricsRequest: StreamPodSandboxMetricsRequestInit;
  StreamPodSandboxMetricsResponse: StreamPodSandboxMetricsResponseInit;
  PodSandboxMetrics: PodSandboxMetricsInit;
  ContainerMetrics: ContainerMetricsInit;
  Metric: MetricInit;
  RuntimeConfigRequest: RuntimeConfigRequestInit;
  RuntimeConfigResponse: RuntimeConfigResponseInit;
  LinuxRuntimeConfiguration: LinuxRuntimeConfigurationInit;
  UpdatePodSandboxResourcesRequest: UpdatePodSandboxResourcesRequestInit;
  UpdatePodSandboxResourcesResponse: UpdatePodSandboxResourcesResponseInit;
}


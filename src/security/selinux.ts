import type { NamespaceOption, PodSandboxConfig, SELinuxOption } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import type { ContainerSpecInput, HostFacts, SeLinuxPolicy } from './types.ts';

export interface SeLinuxLabels {
  /** '': the label of whoever starts it. */
  readonly process: string;
  readonly mount: string;
  /** A process that may use every file needs none relabelled. */
  readonly unseparated: boolean;
}

export type LabelInput = Pick<ContainerSpecInput, 'sandbox' | 'container' | 'seLinuxLevel'>;

/** Of the pod's own helper process. Undefined without SELinux. Errors: invalid-argument. */
export function podLabels(
  sandbox: PodSandboxConfig,
  level: string,
  host: HostFacts,
): SeLinuxLabels | undefined {
  const security = sandbox.linux?.securityContext;
  const open = security?.privileged === true || sharesWithHost(security?.namespaceOptions);
  return labels(checked(security?.selinuxOptions), open, level, host.seLinux);
}

/**
 * Of a container: its own options, else its pod's; and without a level of its own its pod's, so that the containers of a pod
 * share files, memory and signals, which are closed to the next pod.
 */
export function containerLabels(input: LabelInput, host: HostFacts): SeLinuxLabels | undefined {
  const security = input.container.linux?.securityContext;
  const pod = input.sandbox.linux?.securityContext;
  const open = security?.privileged === true || sharesWithHost(security?.namespaceOptions);
  const own = checked(security?.selinuxOptions) ?? checked(pod?.selinuxOptions);
  return labels(own, open, input.seLinuxLevel, host.seLinux);
}

/**
 * `open` processes are meant to reach what is the host's: they get the policy's type for such, unless the options name
 * another. Their files have the pod's label all the same, for whoever shares them.
 */
function labels(
  own: SELinuxOption | undefined,
  open: boolean,
  podLevel: string,
  policy: SeLinuxPolicy | undefined,
): SeLinuxLabels | undefined {
  if (policy === undefined) return undefined;
  const [user = '', role = '', type = '', ...base] = policy.process.split(':');
  const [fileUser = '', fileRole = '', fileType = ''] = policy.file.split(':');
  const level = own?.level || podLevel || base.join(':');
  const ownType = own?.type || (open ? policy.unseparated : type);
  const unseparated = ownType === policy.unseparated;
  const processLevel = unseparated ? own?.level || base.join(':') : level;
  return {
    // A policy without a type for such processes has them in the runtime's own.
    process: ownType === '' ? '' : join(own?.user || user, own?.role || role, ownType, processLevel),
    mount: join(own?.user || fileUser, fileRole, fileType, level),
    unseparated,
  };
}

/** A policy without levels has contexts of three parts. */
function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(':');
}

/** SELinux would keep a process from those that it is meant to see. */
function sharesWithHost(options: NamespaceOption | undefined): boolean {
  return options?.pid === 'NODE' || options?.ipc === 'NODE';
}

/** Undefined when nothing is said. */
function checked(options: SELinuxOption | undefined): SELinuxOption | undefined {
  if (options === undefined || (options.user || options.role || options.type || options.level) === '') {
    return undefined;
  }
  for (const member of ['user', 'role', 'type'] as const) {
    if (!/^[\w.-]*$/.test(options[member]))
      throw invalid(options[member], `'${options[member]}' is no SELinux ${member}`);
  }
  checkLevel(options.level);
  return options;
}

/** `s0`, `s0:c1,c2`, `s0-s0:c0.c1023`. */
function checkLevel(level: string): void {
  const category = 'c\\d{1,4}([.,]c\\d{1,4})*';
  const single = `s\\d+(:${category})?`;
  if (level !== '' && !new RegExp(`^${single}(-${single})?$`).test(level)) {
    throw invalid(level, `'${level}' is no SELinux level`);
  }
}

/** Categories of MCS in every policy that has them. */
const CATEGORIES = 1024;

/** What levels are taken from: the records are the reservation, and outlive the server. */
export interface LevelHolders {
  sandboxes(): readonly { readonly seLinuxLevel?: string }[];
  containers(): readonly {
    readonly config: {
      readonly linux?:
        | {
            readonly securityContext?: { readonly selinuxOptions?: SELinuxOption | undefined } | undefined;
          }
        | undefined;
    };
  }[];
}

/**
 * A pod's level: the one that it names, else the policy's sensitivity with two categories that no other pod has. '' where
 * there are no levels. `random` gives numbers of [0, 1).
 */
export function podLevel(
  sandbox: PodSandboxConfig,
  holders: LevelHolders,
  host: HostFacts,
  random: () => number = Math.random,
): string {
  const own = checked(sandbox.linux?.securityContext?.selinuxOptions)?.level ?? '';
  const sensitivity = host.seLinux?.process.split(':')[3] ?? '';
  if (host.seLinux === undefined || own !== '' || sensitivity === '') return own;
  const taken = new Set([
    ...holders.sandboxes().map((record) => record.seLinuxLevel ?? ''),
    ...holders
      .containers()
      .map((record) => record.config.linux?.securityContext?.selinuxOptions?.level ?? ''),
  ]);
  const category = (): number => Math.floor(random() * CATEGORIES);
  // Half a million pairs: one that is free is soon found among any number of pods that a host can hold.
  for (;;) {
    const [first, second] = [category(), category()];
    const level = `${sensitivity}:c${Math.min(first, second)},c${Math.max(first, second)}`;
    if (first !== second && !taken.has(level)) return level;
  }
}

import type { OciMount } from '../base/index.ts';
import { idMappings } from './namespaces.ts';
import type { ContainerSpecInput, HostFacts } from './types.ts';

/** The source that stage1 takes for the pod's own /dev/shm. */
export const podSharedMemory = 'gantry:shm';

/** What every container has, before its own mounts: OCI's and containerd's file systems, then the pod's files. */
export function defaultMounts(input: ContainerSpecInput, host: HostFacts): OciMount[] {
  const privileged = input.container.linux?.securityContext?.privileged === true;
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    systemMount(input, privileged),
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [
        'nosuid',
        'noexec',
        'nodev',
        'relatime',
        privileged ? 'rw' : 'ro',
        ...cgroup2Flags(host, privileged),
      ],
    },
    sharedMemory(input),
    ...podFiles(input),
  ];
}

/** sysfs cannot be mounted in a user namespace that does not own the network namespace: then the host's is bound. */
function systemMount(input: ContainerSpecInput, privileged: boolean): OciMount {
  if (input.netnsPath === '' && input.usernsPath !== '') {
    const options = ['rbind', 'rro', 'nosuid', 'nodev', 'noexec'];
    return { destination: '/sys', type: 'bind', source: '/sys', options };
  }
  const options = ['nosuid', 'noexec', 'nodev', privileged ? 'rw' : 'ro'];
  return { destination: '/sys', type: 'sysfs', source: 'sysfs', options };
}

/**
 * Without a cgroup namespace of its own a container's cgroup2 mount shares the host's superblock, and mounting it
 * without these would switch them off for the whole host.
 */
function cgroup2Flags(host: HostFacts, privileged: boolean): readonly string[] {
  return host.unifiedCgroups && privileged ? host.cgroup2Flags : [];
}

function sharedMemory(input: ContainerSpecInput): OciMount {
  const ipc = input.container.linux?.securityContext?.namespaceOptions?.ipc;
  const source = ipc === 'NODE' ? '/dev/shm' : podSharedMemory;
  return { destination: '/dev/shm', type: 'bind', source, options: ['rbind', 'rprivate', 'rw'] };
}

function podFiles(input: ContainerSpecInput): OciMount[] {
  const writable = input.container.linux?.securityContext?.readonlyRootfs === true ? 'ro' : 'rw';
  const bound: readonly (readonly [string, string])[] = [
    ['/etc/hostname', input.files.hostname],
    ['/etc/hosts', input.files.hosts],
    ['/etc/resolv.conf', input.files.resolvConf],
  ];
  return bound
    .filter(([, source]) => source !== '')
    .map(([destination, source]) => ({
      destination,
      type: 'bind',
      source,
      options: ['rbind', 'rprivate', writable],
      ...(input.usernsPath === '' ? {} : idMappings(input)),
    }));
}

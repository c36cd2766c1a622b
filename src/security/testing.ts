/** Inputs for this folder's tables: a plain container on a capable host, to be changed where a case differs. */
import { type ContainerConfigInit, complete, type PodSandboxConfigInit } from '../cri-types/index.ts';
import type { ImageConfig } from '../image/index.ts';
import { allCapabilities } from './capabilities.ts';
import type { ContainerSpecInput, HostFacts, HostLookups, SeLinuxPolicy } from './types.ts';

export const testHost: HostFacts = {
  capabilities: allCapabilities,
  appArmor: false,
  seLinux: undefined,
  seccomp: true,
  unifiedCgroups: true,
  recursiveReadOnlyMounts: true,
  idMappedMounts: true,
  swapAccounting: true,
  cgroup2Flags: ['nsdelegate'],
  hugetlb: true,
  architecture: 'x64',
};

export const testImage: ImageConfig = {
  user: '',
  env: ['PATH=/bin', 'LANG=C'],
  entrypoint: ['/entry'],
  cmd: ['cmd'],
  workingDir: '/work',
  volumes: [],
  stopSignal: '',
  labels: {},
  architecture: 'amd64',
  os: 'linux',
  created: '',
};

export const testPolicy: SeLinuxPolicy = {
  process: 'system_u:system_r:container_t:s0',
  file: 'system_u:object_r:container_file_t:s0',
  unseparated: 'spc_t',
};

/** Every path exists and lies on a private mount, but what is listed. */
export const testLookups: HostLookups = {
  realPath: (path) => (path.startsWith('/missing') ? undefined : path.replace(/^\/link/, '/target')),
  propagation: (path) => ({
    kind: path.startsWith('/shared') ? 'shared' : path.startsWith('/slave') ? 'slave' : 'private',
    mountPoint: '/',
  }),
  devices: (path) => {
    const node = (name: string, minor: number) =>
      ({ path: name, type: 'c', major: 10, minor, mode: 0o660, uid: 0, gid: 44 }) as const;
    if (path === '/dev/fuse') return [node('/dev/fuse', 229)];
    if (path === '/dev/snd') return [node('/dev/snd/a', 1), node('/dev/snd/sub/b', 2)];
    if (path === '/dev') return [node('/dev/fuse', 229), node('/dev/kvm', 232)];
    return path === '/etc' ? [] : undefined;
  },
  readText: (path) => {
    if (path === '/profiles/good.json') return '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}';
    if (path === '/profiles/bad.json') return '{"syscalls":[]}';
    throw new Error(`ENOENT: ${path}`);
  },
  appArmorProfiles: () => ['loaded', 'gantry-default'],
};

export function specInput(
  container: ContainerConfigInit = {},
  sandbox: PodSandboxConfigInit = {},
): ContainerSpecInput {
  return {
    sandboxId: '5'.repeat(64),
    containerId: 'c'.repeat(64),
    sandbox: complete('PodSandboxConfig', {
      metadata: { name: 'pod', namespace: 'ns', uid: 'uid' },
      ...sandbox,
    }),
    container: complete('ContainerConfig', { metadata: { name: 'app' }, ...container }),
    image: testImage,
    imageName: 'docker.io/library/app:1',
    account: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    hostname: 'host-of-pod',
    netnsPath: '/run/netns/n',
    usernsPath: '',
    files: { hostname: '/pod/hostname', hosts: '', resolvConf: '/pod/resolv.conf' },
    cgroupsPath: '/kubepods/c',
    seLinuxLevel: 's0:c1,c2',
    volumesDirectory: '',
  };
}

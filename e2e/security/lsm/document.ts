/** A container as CRI asks for it, on a host with what is wanted. */
import { type ContainerConfigInit, complete } from '../../../src/cri-types/index.ts';
import { readLayout } from '../../../src/resources/index.ts';
import type { ContainerSpecInput, HostFacts, HostLookups } from '../../../src/security/index.ts';
import { readHostFacts } from '../../../src/security/index.ts';

/** Of the machine: this host's facts, cgroup v2, and what is given. */
export function hostOf(facts: Partial<HostFacts>): HostFacts {
  return {
    ...readHostFacts(readLayout()),
    unifiedCgroups: true,
    idMappedMounts: true,
    hugetlb: false,
    ...facts,
  };
}

/** Of the machine: every path is there, on a mount of its own. */
export const lookups: HostLookups = {
  realPath: (path) => path,
  propagation: () => ({ kind: 'private', mountPoint: '/' }),
  devices: () => [],
  readText: (path) => {
    throw new Error(`there is no ${path} in the machine`);
  },
  appArmorProfiles: () => ['gantry-default', 'deny-write'],
};

export function input(config: ContainerConfigInit, seLinuxLevel = ''): ContainerSpecInput {
  const privileged = config.linux?.securityContext?.privileged === true;
  return {
    sandboxId: 'a'.repeat(64),
    containerId: 'b'.repeat(64),
    sandbox: complete('PodSandboxConfig', {
      metadata: { name: 'pod' },
      linux: { securityContext: { privileged, namespaceOptions: { network: 'NODE' } } },
    }),
    container: complete('ContainerConfig', { metadata: { name: 'app' }, ...config }),
    image: {
      ...{
        user: '',
        env: ['PATH=/bin'],
        entrypoint: [],
        cmd: [],
        workingDir: '',
        volumes: [],
        stopSignal: '',
      },
      ...{ labels: {}, architecture: 'amd64', os: 'linux', created: '' },
    },
    imageName: 'machine',
    account: { uid: 0, gid: 0, additionalGids: [], home: '/' },
    hostname: 'machine',
    netnsPath: '',
    usernsPath: '',
    files: { hostname: '', hosts: '', resolvConf: '' },
    cgroupsPath: '/machine',
    volumesDirectory: '',
    seLinuxLevel,
  };
}

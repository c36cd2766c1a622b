import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  type ContainerConfigInit,
  complete,
  type NamespaceOptionInit,
  type PodSandboxConfigInit,
  type Signal,
} from '../cri-types/index.ts';
import { containerSpec, execProcess } from './container-spec.ts';
import { containerDevices } from './devices.ts';
import { appPidMode, podNamespacePlan } from './namespaces.ts';
import { criSignal, stopSignal } from './stop-signal.ts';
import { podSysctls } from './sysctls.ts';
import { specInput, testHost, testLookups, testPolicy } from './testing.ts';

const spec = (container: ContainerConfigInit = {}, sandbox: PodSandboxConfigInit = {}, host = testHost) =>
  containerSpec(specInput(container, sandbox), host, testLookups);
const privileged = { linux: { securityContext: { privileged: true } } };

/** devices.ts has tests of its own. */
const everyContainersRules = containerDevices([], false, testLookups).rules;

describe('a container’s document', () => {
  it('of a plain container', () => {
    const { mounts, process, ...rest } = spec();
    expect(mounts.length).toBeGreaterThan(7);
    expect(process).toMatchObject({
      terminal: false,
      user: { uid: 0, gid: 0, additionalGids: [0] },
      args: ['/entry', 'cmd'],
      cwd: '/work',
      noNewPrivileges: false,
    });
    expect(process.capabilities?.bounding).toHaveLength(14);
    expect(process.oomScoreAdj).toBe(0);
    expect(rest).toEqual({
      ociVersion: '1.3.0',
      hostname: 'host-of-pod',
      root: { path: 'rootfs', readonly: false },
      annotations: {
        'io.kubernetes.cri.container-type': 'container',
        'io.kubernetes.cri.container-name': 'app',
        'io.kubernetes.cri.image-name': 'docker.io/library/app:1',
        'io.kubernetes.cri.sandbox-id': '5'.repeat(64),
        'io.kubernetes.cri.sandbox-name': 'pod',
        'io.kubernetes.cri.sandbox-namespace': 'ns',
        'io.kubernetes.cri.sandbox-uid': 'uid',
      },
      linux: {
        namespaces: [
          { type: 'mount' },
          { type: 'network', path: '/run/netns/n' },
          { type: 'ipc' },
          { type: 'uts' },
          { type: 'pid' },
          { type: 'cgroup' },
        ],
        cgroupsPath: '/kubepods/c',
        devices: [],
        resources: { devices: everyContainersRules },
        maskedPaths: [],
        readonlyPaths: [],
      },
    });
  });

  it('of a container with everything said', () => {
    const got = spec({
      tty: true,
      linux: {
        resources: { memoryLimitInBytes: 1024, cpuShares: 512, oomScoreAdj: 999 },
        securityContext: {
          readonlyRootfs: true,
          noNewPrivs: true,
          maskedPaths: ['/proc/kcore'],
          readonlyPaths: ['/proc/sys'],
          seccomp: { profileType: 'RuntimeDefault' },
        },
      },
    });
    expect(got.root.readonly).toBe(true);
    expect(got.process).toMatchObject({ terminal: true, noNewPrivileges: true, oomScoreAdj: 999 });
    expect(got.linux).toMatchObject({
      maskedPaths: ['/proc/kcore'],
      readonlyPaths: ['/proc/sys'],
      resources: { memory: { limit: 1024, swap: 1024 }, cpu: { shares: 512 } },
      seccomp: { defaultAction: 'SCMP_ACT_ERRNO' },
    });
    const chroots = got.linux.seccomp?.syscalls?.some((rule) => rule.names.includes('chroot'));
    expect(chroots).toBe(true);
  });

  it('of a privileged one hides nothing and denies nothing', () => {
    const got = spec(
      {
        linux: {
          securityContext: {
            privileged: true,
            maskedPaths: ['/proc/kcore'],
            readonlyPaths: ['/proc/sys'],
            seccomp: { profileType: 'RuntimeDefault' },
          },
        },
      },
      privileged,
      { ...testHost, seLinux: testPolicy, appArmor: true },
    );
    expect(got.linux).toMatchObject({
      maskedPaths: [],
      readonlyPaths: [],
      resources: { devices: [{ allow: true, access: 'rwm' }] },
    });
    expect(got.linux.seccomp).toBeUndefined();
    expect(got.linux.mountLabel).toBe('system_u:object_r:container_file_t:s0:c1,c2');
    expect(got.process.selinuxLabel).toBe('system_u:system_r:spc_t:s0');
    expect(got.process.apparmorProfile).toBeUndefined();
    expect(got.process.capabilities?.bounding).toHaveLength(41);
    expect(got.linux.namespaces).not.toContainEqual({ type: 'cgroup' });
    expect(got.linux.devices?.map((d) => d.path)).toEqual(['/dev/fuse', '/dev/kvm']);
  });

  it('carries labels and profiles where the host has them', () => {
    const got = spec({}, {}, { ...testHost, seLinux: testPolicy, appArmor: true });
    expect(got.process.selinuxLabel).toMatch(/^system_u:system_r:container_t:s0:c\d+,c\d+$/);
    expect(got.linux.mountLabel).toMatch(/^system_u:object_r:container_file_t:/);
    expect(got.process.apparmorProfile).toBe('gantry-default');
  });

  it('says what the pod’s user namespace maps', () => {
    const userns = {
      mode: 'POD' as const,
      uids: [{ hostId: 65536, length: 65536 }],
      gids: [{ hostId: 65536, length: 65536 }],
    };
    const options = { linux: { securityContext: { namespaceOptions: { usernsOptions: userns } } } };
    const input = { ...specInput(options, options), usernsPath: '/run/userns/u' };
    const got = containerSpec(input, testHost, testLookups);
    const mapping = [{ containerID: 0, hostID: 65536, size: 65536 }];
    expect(got.linux).toMatchObject({ uidMappings: mapping, gidMappings: mapping });
    expect(got.linux.namespaces).toContainEqual({ type: 'user', path: '/run/userns/u' });
    expect(got.mounts.find((m) => m.destination === '/etc/hostname')).toMatchObject({ uidMappings: mapping });
  });

  it('lacks swap and huge pages where the host counts neither', () => {
    const host = { ...testHost, swapAccounting: false, hugetlb: false };
    const resources = { memoryLimitInBytes: 1024, hugepageLimits: [{ pageSize: '2MB', limit: 0 }] };
    expect(spec({ linux: { resources } }, {}, host).linux.resources).toEqual({
      memory: { limit: 1024 },
      devices: everyContainersRules,
    });
    const wanted = { hugepageLimits: [{ pageSize: '2MB', limit: 4096 }] };
    expect(() => spec({ linux: { resources: wanted } }, {}, host)).toThrow(
      'a limit on 2MB pages needs the hugetlb cgroup controller',
    );
    expect(spec({ linux: { resources: wanted } }).linux.resources?.hugepageLimits).toEqual([
      { pageSize: '2MB', limit: 4096 },
    ]);
  });

  const wrongs: [string, ContainerConfigInit, string][] = [
    ['privileged in a pod that is not', privileged, 'needs a pod whose security context is privileged too'],
    [
      'an impossible OOM score',
      { linux: { resources: { oomScoreAdj: 1001 } } },
      'oom_score_adj 1001 is not between',
    ],
    [
      'a user namespace that its pod has not',
      {
        linux: {
          securityContext: {
            namespaceOptions: {
              usernsOptions: { mode: 'POD', uids: [{ length: 1 }], gids: [{ length: 1 }] },
            },
          },
        },
      },
      "the container's user namespace options differ from its pod's",
    ],
  ];
  it.each(wrongs)('is refused for %s', (_name, container, message) => {
    expect(() => spec(container)).toThrow(message);
  });
});

describe('an exec’s process', () => {
  it('is the container’s with other arguments', () => {
    const document = spec();
    const process = execProcess(document, ['ls', '-l'], true);
    expect(process).toMatchObject({
      args: ['ls', '-l'],
      terminal: true,
      cwd: '/work',
      user: document.process.user,
    });
    expect(process.env).toContain('TERM=xterm');
    expect(execProcess(document, ['ls'], false).env).toEqual(document.process.env);
    expect(() => execProcess(document, [], false)).toThrow('no command to run');
  });
});

const podWith = (namespaceOptions: NamespaceOptionInit) =>
  complete('PodSandboxConfig', { linux: { securityContext: { namespaceOptions } } });

describe('a pod’s namespaces', () => {
  const plain = { ownNetwork: true, ipc: 'pod', uts: 'pod', pid: 'pod', userns: undefined };
  it.each([
    ['nothing said', {}, {}],
    ['own pid namespaces', { pid: 'CONTAINER' }, { pid: 'app' }],
    ['the host’s network', { network: 'NODE' }, { ownNetwork: false, uts: 'host' }],
    ['the host’s pids and IPC', { pid: 'NODE', ipc: 'NODE' }, { pid: 'host', ipc: 'host' }],
    ['the host’s user namespace, said', { usernsOptions: { mode: 'NODE' } }, {}],
  ] as const)('%s', (_name, options, difference) => {
    expect(podNamespacePlan(podWith(options))).toEqual({ ...plain, ...difference });
  });

  it('without any options are the pod’s own', () => {
    expect(podNamespacePlan(complete('PodSandboxConfig', {}))).toEqual(plain);
  });

  const one = { containerId: 0, hostId: 1000, length: 100_000 };
  const wrongs: [string, NamespaceOptionInit, string][] = [
    ['a network of CONTAINER', { network: 'CONTAINER' }, "a pod's network cannot be CONTAINER"],
    ['IPC of TARGET', { ipc: 'TARGET' }, "a pod's IPC namespace cannot be TARGET"],
    ['pid TARGET', { pid: 'TARGET' }, "a pod's pid namespace cannot be TARGET"],
    [
      'two mappings',
      { usernsOptions: { mode: 'POD', uids: [one, one], gids: [one] } },
      'uids: exactly one mapping is supported, not 2',
    ],
    ['no mapping', { usernsOptions: { mode: 'POD' } }, 'exactly one mapping is supported, not 0'],
    [
      'root unmapped',
      { usernsOptions: { mode: 'POD', uids: [{ ...one, containerId: 1 }], gids: [one] } },
      'container ID 0 is not mapped',
    ],
    [
      'an empty mapping',
      { usernsOptions: { mode: 'POD', uids: [one], gids: [{ ...one, length: 0 }] } },
      'gids: the mapping is empty',
    ],
    [
      'userns of CONTAINER',
      { usernsOptions: { mode: 'CONTAINER' } },
      "a pod's user namespace cannot be CONTAINER",
    ],
    ['userns of TARGET', { usernsOptions: { mode: 'TARGET' } }, "a pod's user namespace cannot be TARGET"],
    ['mappings with the host’s', { usernsOptions: { mode: 'NODE', uids: [one] } }, 'takes no mappings'],
  ];
  it.each(wrongs)('are refused with %s', (_name, options, message) => {
    expect(() => podNamespacePlan(podWith(options))).toThrow(message);
  });

  it('a container may join another’s pids', () => {
    expect(appPidMode(complete('NamespaceOption', { pid: 'TARGET', targetId: 'abc' }))).toEqual({
      pid: 'app',
      pidTarget: 'abc',
    });
    expect(() => appPidMode(complete('NamespaceOption', { pid: 'TARGET' }))).toThrow('needs a target_id');
    expect(appPidMode(complete('NamespaceOption', { pid: 'CONTAINER' }))).toEqual({ pid: 'app' });
    expect(appPidMode(undefined)).toEqual({ pid: 'pod' });
  });
});

describe('sysctls', () => {
  const of = (sysctls: Record<string, string>, namespaceOptions: NamespaceOptionInit = {}) =>
    podSysctls(complete('PodSandboxConfig', { linux: { sysctls, securityContext: { namespaceOptions } } }));
  const defaults = {
    'net.ipv4.ip_unprivileged_port_start': '0',
    'net.ipv4.ping_group_range': '0 2147483647',
  };

  it('have containerd’s defaults on a network of the pod’s own', () => {
    expect(of({})).toEqual(defaults);
    expect(of({}, { network: 'NODE' })).toEqual({});
    expect(of({}, { usernsOptions: { mode: 'POD' } })).toEqual({
      'net.ipv4.ip_unprivileged_port_start': '0',
    });
  });

  it('are taken as given, with dots or slashes', () => {
    expect(
      of({
        'net.ipv4.ip_unprivileged_port_start': '1024',
        'kernel.shm_rmid_forced': '1',
        'net/ipv4/conf/eth0.1/forwarding': '1',
        'fs.mqueue.msg_max': '5',
        'kernel.domainname': 'x',
      }),
    ).toEqual({
      ...defaults,
      'net.ipv4.ip_unprivileged_port_start': '1024',
      'kernel.shm_rmid_forced': '1',
      'net.ipv4.conf.eth0/1.forwarding': '1',
      'fs.mqueue.msg_max': '5',
      'kernel.domainname': 'x',
    });
  });

  it.each([
    ['the node’s', 'vm.swappiness', {}, 'belongs to the whole node'],
    [
      'the host’s network',
      'net.core.somaxconn',
      { network: 'NODE' },
      "on the host's network would change the node",
    ],
    ['the host’s IPC', 'kernel.msgmax', { ipc: 'NODE' }, "in the host's IPC namespace would change the node"],
    ['a path', '../kernel.x', {}, 'is no name of a sysctl'],
    ['a path that starts well', 'net/ipv4/../../kernel/core_pattern', {}, 'is no name of a sysctl'],
    ['one word', 'kernel', {}, 'is no name of a sysctl'],
  ] as const)('are refused for %s', (_name, sysctl, options, message) => {
    expect(() => of({ [sysctl]: '1' }, options)).toThrow(message);
  });
});

describe('stop signals', () => {
  it.each([
    ['SIGNAL_RUNTIME_DEFAULT', '', 15],
    ['SIGNAL_RUNTIME_DEFAULT', 'SIGQUIT', 3],
    ['SIGNAL_RUNTIME_DEFAULT', 'usr1', 10],
    ['SIGNAL_RUNTIME_DEFAULT', '37', 37],
    ['SIGNAL_RUNTIME_DEFAULT', 'SIGRTMIN+3', 37],
    ['SIGNAL_RUNTIME_DEFAULT', 'RTMAX-2', 62],
    ['SIGNAL_SIGUSR2', 'SIGQUIT', 12],
    ['SIGNAL_SIGRTMINPLUS15', '', 49],
    ['SIGNAL_SIGRTMAXMINUS14', '', 50],
    ['SIGNAL_SIGRTMAX', '', 64],
    ['SIGNAL_SIGCLD', '', 17],
  ] as const)('%s over "%s" is %i', (asked, image, expected) => {
    expect(stopSignal(asked, image)).toBe(expected);
  });

  it.each(['SIGFOO', '0', '65', 'SIGRTMIN+31', '-9'])('"%s" is refused', (image) => {
    expect(() => stopSignal('SIGNAL_RUNTIME_DEFAULT', image)).toThrow('there is no such signal');
  });

  it('have a name in CRI for every number, and back', () => {
    for (let number = 1; number <= 64; number++) {
      if (number === 32 || number === 33) continue;
      const name: Signal = criSignal(number);
      expect([number, stopSignal(name, '')]).toEqual([number, number]);
    }
    expect(criSignal(constants.signals.SIGTERM)).toBe('SIGNAL_SIGTERM');
    expect(criSignal(32)).toBe('SIGNAL_RUNTIME_DEFAULT');
  });
});

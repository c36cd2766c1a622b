import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContainerConfigInit, complete, type PodSandboxConfigInit } from '../cri-types/index.ts';
import { relabelPlan } from './relabel.ts';
import { containerLabels, type LevelHolders, podLabels, podLevel } from './selinux.ts';
import { readSeLinuxPolicy } from './selinux-policy.ts';
import { specInput, testHost, testLookups, testPolicy } from './testing.ts';
import type { HostFacts } from './types.ts';

const host: HostFacts = { ...testHost, seLinux: testPolicy };
const of = (container: ContainerConfigInit, pod: PodSandboxConfigInit = {}, on = host) =>
  containerLabels(specInput(container, pod), on);
const securing = (
  securityContext: NonNullable<NonNullable<ContainerConfigInit['linux']>['securityContext']>,
): ContainerConfigInit => ({ linux: { securityContext } });
const options = (selinuxOptions: { user?: string; role?: string; type?: string; level?: string }) =>
  securing({ selinuxOptions });

describe('labels', () => {
  const cases: [string, ContainerConfigInit, PodSandboxConfigInit, string, string][] = [
    ['nothing said', {}, {}, 'system_u:system_r:container_t:s0:c1,c2', 'container_file_t:s0:c1,c2'],
    [
      'the container’s own level',
      options({ level: 's0:c8,c9' }),
      {},
      'system_u:system_r:container_t:s0:c8,c9',
      'container_file_t:s0:c8,c9',
    ],
    [
      'the container’s own type in the pod’s level',
      options({ type: 'container_init_t' }),
      {},
      'system_u:system_r:container_init_t:s0:c1,c2',
      'container_file_t:s0:c1,c2',
    ],
    [
      'the pod’s options',
      {},
      options({ type: 'x_t', user: 'u', role: 'r' }) as PodSandboxConfigInit,
      'u:r:x_t:s0:c1,c2',
      'container_file_t:s0:c1,c2',
    ],
    [
      'a privileged container',
      securing({ privileged: true }),
      {},
      'system_u:system_r:spc_t:s0',
      'container_file_t:s0:c1,c2',
    ],
    [
      'a privileged container with a level',
      securing({ privileged: true, selinuxOptions: { level: 's0:c8,c9' } }),
      {},
      'system_u:system_r:spc_t:s0:c8,c9',
      'container_file_t:s0:c8,c9',
    ],
    [
      'a privileged container with a type',
      securing({ privileged: true, selinuxOptions: { type: 'x_t' } }),
      {},
      'system_u:system_r:x_t:s0:c1,c2',
      'container_file_t:s0:c1,c2',
    ],
    [
      'the host’s processes',
      securing({ namespaceOptions: { pid: 'NODE' } }),
      {},
      'system_u:system_r:spc_t:s0',
      'container_file_t:s0:c1,c2',
    ],
    [
      'the host’s IPC',
      securing({ namespaceOptions: { ipc: 'NODE' } }),
      {},
      'system_u:system_r:spc_t:s0',
      'container_file_t:s0:c1,c2',
    ],
    [
      'the host’s network only',
      securing({ namespaceOptions: { network: 'NODE' } }),
      {},
      'system_u:system_r:container_t:s0:c1,c2',
      'container_file_t:s0:c1,c2',
    ],
  ];
  it.each(cases)('%s', (_name, container, pod, process, file) => {
    expect(of(container, pod)?.process).toBe(process);
    expect(of(container, pod)?.mount).toMatch(new RegExp(`:object_r:${file}$`));
  });

  it('of the pod’s helper process follow the pod', () => {
    const pod = (init: PodSandboxConfigInit) =>
      podLabels(complete('PodSandboxConfig', init), 's0:c1,c2', host)?.process;
    expect(pod({})).toBe('system_u:system_r:container_t:s0:c1,c2');
    expect(pod(securing({ privileged: true }) as PodSandboxConfigInit)).toBe('system_u:system_r:spc_t:s0');
  });

  it('follow a policy without levels, and one without a type for the unseparated', () => {
    const old = { process: 'u:r:lxc_t', file: 'u:object_r:lxc_file_t', unseparated: '' };
    const on = { ...testHost, seLinux: old };
    const input = { ...specInput(securing({ privileged: true })), seLinuxLevel: '' };
    expect(containerLabels(input, on)).toEqual({
      process: '',
      mount: 'u:object_r:lxc_file_t',
      unseparated: true,
    });
    expect(containerLabels({ ...specInput({}), seLinuxLevel: '' }, on)?.process).toBe('u:r:lxc_t');
  });

  it.each([
    [{ level: 'x' }, 'is no SELinux level'],
    [{ level: 's0:' }, 'is no SELinux level'],
    [{ level: 's0:c1,' }, 'is no SELinux level'],
    [{ level: 's0;rm' }, 'is no SELinux level'],
    [{ type: 'a:b' }, 'is no SELinux type'],
    [{ user: 'a,context=b' }, 'is no SELinux user'],
    [{ role: 'a b' }, 'is no SELinux role'],
  ])('refuse %j, on any host', (wrong, message) => {
    expect(() => of(options(wrong), {}, testHost)).toThrow(message);
  });

  it('are nothing on a host without', () => {
    expect(of(options({ level: 's0-s0:c0.c1023' }), {}, testHost)).toBeUndefined();
  });
});

describe('a pod’s level', () => {
  const holding = (pods: string[], containers: string[] = []): LevelHolders => ({
    sandboxes: () => pods.map((seLinuxLevel) => ({ seLinuxLevel })),
    containers: () =>
      containers.map((level) => ({ config: complete('ContainerConfig', options({ level })) })),
  });
  const pod = complete('PodSandboxConfig', {});
  const numbers = (...values: number[]) => {
    const left = values.map((value) => value / 1024);
    return () => left.shift() ?? 0;
  };

  it('is two categories, the smaller first', () => {
    expect(podLevel(pod, holding([]), host, numbers(7, 5))).toBe('s0:c5,c7');
  });

  it('is no other pod’s, nor one that a container has named', () => {
    const random = numbers(5, 7, 3, 3, 8, 9, 10, 1023);
    expect(podLevel(pod, holding(['s0:c5,c7'], ['s0:c8,c9']), host, random)).toBe('s0:c10,c1023');
  });

  it('is unique among very many', () => {
    const levels: string[] = [];
    for (let i = 0; i < 2000; i++) levels.push(podLevel(pod, holding(levels), host));
    expect(new Set(levels).size).toBe(2000);
    for (const level of levels) expect(level).toMatch(/^s0:c\d{1,4},c\d{1,4}$/);
  });

  it('is the one that is asked for, taken or not', () => {
    const own = complete('PodSandboxConfig', options({ level: 's0:c5,c7' }) as PodSandboxConfigInit);
    expect(podLevel(own, holding(['s0:c5,c7']), host)).toBe('s0:c5,c7');
  });

  it('is none where the host has no SELinux, or its policy no levels', () => {
    expect(podLevel(pod, holding([]), testHost)).toBe('');
    const flat = { ...testPolicy, process: 'u:r:t' };
    expect(podLevel(pod, holding([]), { ...testHost, seLinux: flat })).toBe('');
  });
});

describe('volumes to be relabelled', () => {
  const volume = (hostPath: string, selinuxRelabel = true): ContainerConfigInit => ({
    mounts: [{ hostPath, containerPath: '/mnt', selinuxRelabel }],
  });
  const plan = (container: ContainerConfigInit, on = host) =>
    relabelPlan(specInput(container), on, testLookups);

  it('are those that ask for it, and the pod’s files', () => {
    expect(plan(volume('/data'))).toEqual({
      label: 'system_u:object_r:container_file_t:s0:c1,c2',
      paths: ['/data', '/pod/hostname', '/pod/resolv.conf'],
    });
    expect(plan(volume('/data', false))?.paths).toEqual(['/pod/hostname', '/pod/resolv.conf']);
    expect(plan(volume('/link/x'))?.paths[0]).toBe('/target/x');
  });

  it.each(['/', '/etc', '/etc/', '/usr', '/var/lib', '//etc/../usr', '/lib64', '/root'])(
    'never %s',
    (path) => {
      expect(() => plan(volume(path))).toThrow("is the host's and is not given a container's SELinux label");
      expect(plan(volume(path, false))).toBeDefined();
      expect(plan(volume(path), testHost)).toBeUndefined();
    },
  );

  it('never what a link leads to either', () => {
    const lookups = { ...testLookups, realPath: () => '/usr/lib' };
    expect(() => relabelPlan(specInput(volume('/lib-link')), host, lookups)).toThrow(
      "/usr/lib is the host's",
    );
  });

  it('are none where the process may use every file', () => {
    const open = securing({ privileged: true });
    expect(plan({ ...volume('/data'), ...open })).toBeUndefined();
    expect(plan({ ...volume('/etc'), ...options({ type: 'spc_t' }) })).toBeUndefined();
  });
});

describe('the host’s policy', () => {
  let root: string;
  const put = (file: string, text: string): void => {
    const path = join(root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sec-policy-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  // As container-selinux installs it.
  const contexts = `process = "system_u:system_r:container_t:s0"
content = "system_u:object_r:virt_var_lib_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file="system_u:object_r:container_ro_file_t:s0"
`;

  it('is what lxc_contexts says', () => {
    put('sys/fs/selinux/enforce', '1');
    put('sys/fs/selinux/context', '');
    put('etc/selinux/config', '# comment\nSELINUX=enforcing\nSELINUXTYPE=mls\n');
    put('etc/selinux/mls/contexts/lxc_contexts', contexts);
    expect(readSeLinuxPolicy(root)).toEqual(testPolicy);
  });

  it('may lack a type for the unseparated', () => {
    put('sys/fs/selinux/enforce', '1');
    mkdirSync(join(root, 'sys/fs/selinux/context')); // takes no text, as the kernel takes no unknown context
    put('etc/selinux/targeted/contexts/lxc_contexts', contexts);
    expect(readSeLinuxPolicy(root)).toEqual({ ...testPolicy, unseparated: '' });
  });

  it('is none when SELinux is off, or containers are not its subject', () => {
    expect(readSeLinuxPolicy(root)).toBeUndefined();
    put('sys/fs/selinux/enforce', '1');
    expect(readSeLinuxPolicy(root)).toBeUndefined();
    put('etc/selinux/targeted/contexts/lxc_contexts', 'process = "nonsense"\n');
    expect(readSeLinuxPolicy(root)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { complete, type LinuxContainerSecurityContextInit } from '../cri-types/index.ts';
import { containerAppArmor } from './apparmor.ts';
import { defaultAppArmorText } from './apparmor-default.ts';
import { allCapabilities } from './capabilities.ts';
import { containerSeccomp } from './seccomp.ts';
import { defaultSeccomp } from './seccomp-default.ts';
import { testHost, testLookups } from './testing.ts';

const context = (init: LinuxContainerSecurityContextInit) => complete('LinuxContainerSecurityContext', init);

describe('seccomp', () => {
  const of = (init: LinuxContainerSecurityContextInit, host = testHost) =>
    containerSeccomp(context(init), [], host, testLookups);

  const kinds: [string, LinuxContainerSecurityContextInit, string | undefined][] = [
    ['nothing said', {}, undefined],
    ['unconfined', { seccomp: { profileType: 'Unconfined' } }, undefined],
    ['the default', { seccomp: { profileType: 'RuntimeDefault' } }, 'SCMP_ACT_ERRNO'],
    [
      'a file',
      { seccomp: { profileType: 'Localhost', localhostRef: '/profiles/good.json' } },
      'SCMP_ACT_ALLOW',
    ],
    [
      'a file, with the old prefix',
      { seccomp: { profileType: 'Localhost', localhostRef: 'localhost//profiles/good.json' } },
      'SCMP_ACT_ALLOW',
    ],
    ['a privileged container', { privileged: true, seccomp: { profileType: 'RuntimeDefault' } }, undefined],
    ['the old form: default', { seccompProfilePath: 'runtime/default' }, 'SCMP_ACT_ERRNO'],
    ['the old form: Docker’s default', { seccompProfilePath: 'docker/default' }, 'SCMP_ACT_ERRNO'],
    ['the old form: unconfined', { seccompProfilePath: 'unconfined' }, undefined],
    ['the old form: a file', { seccompProfilePath: 'localhost//profiles/good.json' }, 'SCMP_ACT_ALLOW'],
    [
      'the new form over the old',
      { seccomp: { profileType: 'Unconfined' }, seccompProfilePath: 'runtime/default' },
      undefined,
    ],
  ];
  it.each(kinds)('%s', (_name, init, action) => {
    expect(of(init)?.defaultAction).toBe(action);
  });

  const wrongs: [string, LinuxContainerSecurityContextInit, string][] = [
    [
      'an absent file',
      { seccomp: { profileType: 'Localhost', localhostRef: '/profiles/none.json' } },
      'seccomp profile /profiles/none.json cannot be read',
    ],
    [
      'a file that is no profile',
      { seccomp: { profileType: 'Localhost', localhostRef: '/profiles/bad.json' } },
      'defaultAction is missing',
    ],
    [
      'a relative path',
      { seccomp: { profileType: 'Localhost', localhostRef: 'x.json' } },
      'not an absolute path',
    ],
    ['Localhost without a file', { seccomp: { profileType: 'Localhost' } }, 'needs a localhost_ref'],
    [
      'a file without Localhost',
      { seccomp: { profileType: 'RuntimeDefault', localhostRef: '/x' } },
      'goes with the profile type Localhost only',
    ],
    ['an old form that is none', { seccompProfilePath: 'strict' }, "'strict' is no security profile"],
  ];
  it.each(wrongs)('refuses %s', (_name, init, message) => {
    expect(() => of(init)).toThrow(message);
  });

  it('is refused where the kernel has none', () => {
    const host = { ...testHost, seccomp: false };
    expect(() => of({ seccomp: { profileType: 'RuntimeDefault' } }, host)).toThrow('no seccomp filters');
    expect(of({ seccomp: { profileType: 'Unconfined' } }, host)).toBeUndefined();
  });
});

describe('the default profile', () => {
  const allowed = (bounding: readonly string[], architecture = 'x64'): Set<string> =>
    new Set(
      (defaultSeccomp(bounding, architecture).syscalls ?? [])
        .filter((rule) => rule.action === 'SCMP_ACT_ALLOW' && rule.args === undefined)
        .flatMap((rule) => rule.names),
    );

  it('allows what programs need and keeps the dangerous out', () => {
    const plain = allowed([]);
    for (const name of ['read', 'openat2', 'futex_waitv', 'io_setup', 'ptrace', 'arch_prctl', 'statx'])
      expect(plain).toContain(name);
    for (const name of [
      'mount',
      'bpf',
      'keyctl',
      'add_key',
      'io_uring_setup',
      'kexec_load',
      'unshare',
      'setns',
      'userfaultfd',
      'clone',
      'clone3',
      'socket',
      'personality',
      'reboot',
      'perf_event_open',
      'open_by_handle_at',
      'swapon',
    ]) {
      expect(plain).not.toContain(name);
    }
  });

  it.each([
    ['CAP_SYS_ADMIN', ['mount', 'unshare', 'setns', 'clone', 'clone3', 'bpf', 'sethostname']],
    ['CAP_SYS_CHROOT', ['chroot']],
    ['CAP_SYS_TIME', ['clock_settime', 'settimeofday']],
    ['CAP_SYS_MODULE', ['init_module', 'finit_module', 'delete_module']],
    ['CAP_DAC_READ_SEARCH', ['open_by_handle_at']],
    ['CAP_SYS_PTRACE', ['kcmp', 'pidfd_getfd']],
    ['CAP_BPF', ['bpf']],
    ['CAP_PERFMON', ['perf_event_open']],
    ['CAP_SYSLOG', ['syslog']],
    ['CAP_SYS_BOOT', ['reboot']],
  ])('opens up with %s', (capability, names) => {
    const without = allowed(allCapabilities.filter((c) => c !== capability && c !== 'CAP_SYS_ADMIN'));
    const held = allowed([capability]);
    for (const name of names) expect(held).toContain(name);
    expect(names.some((name) => !allowed([]).has(name))).toBe(true);
    expect(names.every((name) => without.has(name))).toBe(false);
  });

  it('lets clone make processes but no namespaces, and hides clone3', () => {
    const { syscalls = [] } = defaultSeccomp([], 'x64');
    const namespaces = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000;
    expect(syscalls).toContainEqual({
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: namespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    });
    expect(syscalls).toContainEqual({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
  });

  it('covers every ABI of the processor', () => {
    expect(defaultSeccomp([], 'x64').architectures).toEqual([
      'SCMP_ARCH_X86_64',
      'SCMP_ARCH_X86',
      'SCMP_ARCH_X32',
    ]);
    expect(defaultSeccomp([], 'arm64').architectures).toEqual(['SCMP_ARCH_ARM', 'SCMP_ARCH_AARCH64']);
    expect(allowed([], 'arm64')).toContain('cacheflush');
    expect(allowed([], 'arm64')).not.toContain('modify_ldt');
  });

  it('names nothing twice', () => {
    const [first] = defaultSeccomp(allCapabilities, 'x64').syscalls ?? [];
    expect(new Set(first?.names).size).toBe(first?.names.length);
  });
});

describe('AppArmor', () => {
  const host = { ...testHost, appArmor: true };
  const of = (init: LinuxContainerSecurityContextInit, on = host) =>
    containerAppArmor(context(init), on, testLookups);

  const cases: [string, LinuxContainerSecurityContextInit, string | undefined][] = [
    ['nothing said', {}, 'gantry-default'],
    ['the default', { apparmor: { profileType: 'RuntimeDefault' } }, 'gantry-default'],
    ['unconfined', { apparmor: { profileType: 'Unconfined' } }, undefined],
    ['a loaded profile', { apparmor: { profileType: 'Localhost', localhostRef: 'loaded' } }, 'loaded'],
    ['privileged', { privileged: true }, undefined],
    [
      'privileged with a profile',
      { privileged: true, apparmor: { profileType: 'Localhost', localhostRef: 'loaded' } },
      'loaded',
    ],
    ['the old form', { apparmorProfile: 'localhost/loaded' }, 'loaded'],
    ['the old form: unconfined', { apparmorProfile: 'unconfined' }, undefined],
  ];
  it.each(cases)('%s', (_name, init, expected) => {
    expect(of(init)).toBe(expected);
  });

  it('refuses a profile that is not loaded', () => {
    expect(() => of({ apparmor: { profileType: 'Localhost', localhostRef: 'none' } })).toThrow(
      "profile 'none' is not loaded",
    );
  });

  it('needs the default one to be loaded', () => {
    const lookups = { ...testLookups, appArmorProfiles: () => [] };
    expect(() => containerAppArmor(context({}), host, lookups)).toThrow(
      "'gantry-default' is not loaded on this host; a restart",
    );
  });

  it('has a default that denies what it must, under its own name', () => {
    const text = defaultAppArmorText('a-name', 'abi/3.0');
    expect(text).toMatch(/^abi <abi\/3\.0>,\n/);
    expect(text).toContain('profile a-name flags=(attach_disconnected,mediate_deleted) {');
    for (const rule of ['deny mount,', 'deny /proc/* w,', 'deny /proc/{kcore,sysrq-trigger} rwklx,'])
      expect(text).toContain(rule);
    expect(defaultAppArmorText('a-name', undefined)).not.toContain('abi <');
    expect(text.split('{').length).toBe(text.split('}').length);
  });

  it('is refused, but for Unconfined, on a host without', () => {
    expect(of({}, testHost)).toBeUndefined();
    expect(of({ apparmor: { profileType: 'Unconfined' } }, testHost)).toBeUndefined();
    for (const profileType of ['RuntimeDefault', 'Localhost'] as const) {
      expect(() =>
        of({ apparmor: { profileType, localhostRef: profileType === 'Localhost' ? 'x' : '' } }, testHost),
      ).toThrow('AppArmor is not enabled');
    }
  });
});

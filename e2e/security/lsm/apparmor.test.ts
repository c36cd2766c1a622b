import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerConfigInit } from '../../../src/cri-types/index.ts';
import { defaultAppArmorText } from '../../../src/security/apparmor-default.ts';
import { containerSpec, execProcess } from '../../../src/security/index.ts';
import { hostOf, input, lookups } from './document.ts';
import { type Case, debian, runMachine, type Said } from './machine.ts';

const host = hostOf({ appArmor: true });
type Security = NonNullable<NonNullable<ContainerConfigInit['linux']>['securityContext']>;

const container = (name: string, script: string, securityContext: Security = {}, more = {}): Case => {
  const whole = input({ command: ['sh', '-c', script], linux: { securityContext } });
  return { name, spec: containerSpec(whole, host, lookups), ...more };
};

const current = 'cat /proc/self/attr/current; echo';
const named = (localhostRef: string) => ({ profileType: 'Localhost' as const, localhostRef });
const capable = { capabilities: { addCapabilities: ['ALL'] } };
/** Nothing but the profile stands in their way: the paths are neither masked nor read-only. */
const deeds = [
  'mount -t tmpfs x /mnt && echo mounted',
  'echo 0 > /proc/sys/kernel/panic && echo panic',
  'echo 4096 > /proc/sys/kernel/shmmni && echo shmmni',
  'echo x > /proc/sysrq-trigger && echo sysrq',
  'head -c 1 /sys/firmware/dmi/tables/DMI > /dev/null && echo firmware',
  'echo never > /sys/kernel/mm/transparent_hugepage/enabled && echo pages',
  'echo 100 > /proc/self/oom_score_adj && echo self',
  'touch /tmp/x && echo file',
].join('; ');
const withSys = (one: Case): Case => ({
  ...one,
  spec: { ...one.spec, mounts: one.spec.mounts.map(writable) },
});
const writable = (mount: Case['spec']['mounts'][number]) =>
  mount.destination === '/sys' ? { ...mount, options: ['nosuid', 'rw'] } : mount;
const sleeping = container('exec', 'sleep 50');

const cases: readonly Case[] = [
  withSys(container('default', `${current}; ${deeds}`, capable)),
  withSys(
    container('unconfined', `${current}; ${deeds}`, { ...capable, apparmor: { profileType: 'Unconfined' } }),
  ),
  container('privileged', current, { privileged: true }),
  container('named', `${current}; touch /tmp/x; touch /new && echo file`, { apparmor: named('deny-write') }),
  container('old-form', current, { apparmorProfile: 'localhost/deny-write' }),
  container('nnp', current, { noNewPrivs: true }),
  container('userns', `${current}; mount -t tmpfs x /mnt`, {}, { userns: true }),
  container('signals', 'sleep 50 & kill -9 $! && echo killed'),
  { ...sleeping, exec: execProcess(sleeping.spec, ['sh', '-c', current], false) },
  { ...container('absent', 'true'), spec: absent() },
];

/** As if somebody unloaded it after the server had looked. */
function absent(): Case['spec'] {
  const { spec } = container('absent', 'true');
  return { ...spec, process: { ...spec.process, apparmorProfile: 'not-loaded' } };
}

describe.runIf(process.arch === 'x64')('AppArmor in force', () => {
  let directory: string;
  let said: ReadonlyMap<string, Said>;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sec-apparmor-'));
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const other =
      'profile deny-write flags=(attach_disconnected,mediate_deleted) {\n  file,\n  deny /tmp/** w,\n}\n';
    said = runMachine({
      directory,
      parameters: 'lsm=apparmor apparmor=1',
      cases,
      tools: {
        apparmor_parser: debian('apparmor/sbin/apparmor_parser'),
        abi: debian('apparmor/etc/apparmor.d/abi/3.0'),
        '../lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6',
        '../lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2',
        'default.profile': file('default', defaultAppArmorText('gantry-default', undefined)),
        'other.profile': file('other', other),
      },
      programs: {},
    });
  }, 300_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const of = (name: string): Said => said.get(name) ?? { exitCode: -1, lines: ['the case did not run'] };
  const confined = (name: string): string => `${name} (enforce)`;

  test('the default profile keeps a capable root from the kernel’s settings, and lets it work', () => {
    expect(of('default').lines).toEqual([
      confined('gantry-default'),
      '',
      'mount: mounting x on /mnt failed: Permission denied',
      "sh: can't create /proc/sys/kernel/panic: Permission denied",
      'shmmni',
      "sh: can't create /proc/sysrq-trigger: Permission denied",
      'head: /sys/firmware/dmi/tables/DMI: Permission denied',
      "sh: can't create /sys/kernel/mm/transparent_hugepage/enabled: Permission denied",
      'self',
      'file',
    ]);
  });

  test('nothing else did: without it the same may all of that', () => {
    expect(of('unconfined').lines).toEqual(
      expect.arrayContaining([
        ...['unconfined', 'mounted', 'panic', 'shmmni', 'sysrq', 'firmware', 'pages', 'self', 'file'],
      ]),
    );
    expect(of('privileged').lines[0]).toBe('unconfined');
  });

  test('a profile by name, in both forms', () => {
    expect(of('named').lines).toEqual([
      confined('deny-write'),
      '',
      'touch: /tmp/x: Permission denied',
      'file',
    ]);
    expect(of('old-form').lines[0]).toBe(confined('deny-write'));
  });

  test('no-new-privs, a user namespace, an exec, signals among its own', () => {
    expect(of('nnp').lines[0]).toBe(confined('gantry-default'));
    expect(of('userns').lines).toEqual([
      confined('gantry-default'),
      '',
      'mount: mounting x on /mnt failed: Permission denied',
    ]);
    expect(of('exec').lines[0]).toBe(confined('gantry-default'));
    expect(of('signals').lines).toContain('killed');
  });

  test('one that is not loaded is refused by name', () => {
    expect(of('absent')).toEqual({
      exitCode: 125,
      lines: [
        expect.stringContaining('apparmor not-loaded: No such file or directory (the profile is not loaded'),
      ],
    });
  });
});

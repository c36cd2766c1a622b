import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ContainerConfigInit, complete } from '../../../src/cri-types/index.ts';
import { containerSpec, execProcess, relabelPlan } from '../../../src/security/index.ts';
import { hostOf, input, lookups } from './document.ts';
import { type Case, runMachine, type Said } from './machine.ts';

const here = dirname(fileURLToPath(import.meta.url));
const host = hostOf({
  seLinux: {
    process: 'system_u:system_r:container_t:s0',
    file: 'system_u:object_r:container_file_t:s0',
    unseparated: 'spc_t',
  },
});
const processLabel = 'system_u:system_r:container_t:s0:c1,c2';
const fileLabel = 'system_u:object_r:container_file_t:s0:c1,c2';

/** What Gantry would write of this container, and label before it, in a pod whose level is s0:c1,c2. */
const container = (name: string, script: string, config: ContainerConfigInit = {}, more = {}): Case => {
  const whole = input({ command: ['sh', '-c', script], ...config }, 's0:c1,c2');
  const { label, paths } = relabelPlan(whole, host, lookups) ?? { label: '', paths: [] };
  return {
    name,
    spec: containerSpec(whole, host, lookups),
    before: paths.map((path) => `relabel ${label} ${path}`),
    ...more,
  };
};
const volume = (hostPath: string, containerPath: string, selinuxRelabel = false) =>
  complete('Mount', { hostPath, containerPath, selinuxRelabel });
const prepare = (name: string): string => `mkdir -p /volumes/${name}; echo text > /volumes/${name}/file`;

const places = ['/', '/bin/sh', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/etc', '/new'];
const current = 'cat /proc/self/attr/current; echo';
const look = `${current}; touch /new; label ${places.join(' ')}; grep -c _ses /proc/keys`;
const deeds = 'for d in own foreign host; do cat /$d/file; touch /$d/new && echo wrote; done';
const mounts = [
  volume('/volumes/own', '/own', true),
  volume('/volumes/foreign', '/foreign'),
  volume('/volumes/host', '/host'),
];
const setUp = [
  ...['own', 'foreign', 'host'].map(prepare),
  'relabel system_u:object_r:container_file_t:s0:c3,c4 /volumes/foreign',
];
const withVolumes = (name: string, config: ContainerConfigInit = {}, more = {}): Case => {
  const made = container(name, deeds, { mounts, ...config }, more);
  return { ...made, before: [...setUp, ...(made.before ?? [])] };
};
const securing = (securityContext: NonNullable<ContainerConfigInit['linux']>['securityContext']) => ({
  linux: { securityContext },
});
const sleeping = container('exec', 'sleep 50');
const inUserns = container('userns', look, {}, { userns: true });
const cases: readonly Case[] = [
  container('labels', look),
  { ...inUserns, before: [...(inUserns.before ?? []), `relabel ${fileLabel} /owned`] },
  withVolumes('volumes'),
  withVolumes('privileged', securing({ privileged: true })),
  container('privileged-label', current, securing({ privileged: true })),
  container('nnp', current, securing({ noNewPrivs: true })),
  container('level', current, securing({ selinuxOptions: { level: 's0:c0' } })),
  container('unknown', 'true', securing({ selinuxOptions: { type: 'no_such_t' } })),
  { ...sleeping, exec: execProcess(sleeping.spec, ['sh', '-c', current], false) },
  container(
    'files',
    'touch /dev/shm/x /tmp/x && echo fine; ls /sys/fs/cgroup > /dev/null && echo seen; ls /etc && echo empty',
    securing({ maskedPaths: ['/etc'] }),
  ),
];

describe.runIf(process.arch === 'x64')('SELinux in force', () => {
  let directory: string;
  let said: ReadonlyMap<string, Said>;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sec-selinux-'));
    const policy = join(directory, 'policy');
    const label = join(directory, 'label');
    const relabel = join(directory, 'relabel');
    execFileSync(join(here, 'make-policy'), [policy]);
    compile('label.c', label);
    compile('relabel.cc', relabel);
    said = runMachine({
      directory,
      parameters: 'lsm=selinux selinux=1',
      cases,
      tools: { policy, relabel },
      programs: { label },
    });
  }, 300_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const compile = (source: string, target: string): void => {
    const addon = join(here, '../../../addon');
    const files = source.endsWith('.cc')
      ? ['linux/file_label.cc', 'linux/directory_names.cc', 'linux/result.cc'].map((f) => join(addon, f))
      : [];
    const compiler = source.endsWith('.cc') ? ['g++', '-std=c++20', '-iquote', addon] : ['gcc'];
    const [program = '', ...options] = [
      ...compiler,
      '-O1',
      '-static',
      '-o',
      target,
      join(here, source),
      ...files,
    ];
    execFileSync(program, options);
  };
  const of = (name: string): Said => said.get(name) ?? { exitCode: -1, lines: ['the case did not run'] };

  const label = (text: string): string => `${text}\0`;

  test.each(['labels', 'userns'])('processes, files and what is mounted have their labels: %s', (name) => {
    expect(of(name)).toEqual({
      exitCode: 0,
      lines: [label(processLabel), ...places.map((place) => `${place} ${fileLabel}`), '1'],
    });
  });

  test('a volume that was relabelled can be written, another pod’s not even be seen, nor the host’s written', () => {
    expect(of('volumes').lines).toEqual([
      'text',
      'wrote',
      "cat: can't open '/foreign/file': Permission denied",
      'touch: /foreign/new: Permission denied',
      'text',
      'touch: /host/new: Permission denied',
    ]);
  });

  test('a privileged container may all of it', () => {
    expect(of('privileged').lines).toEqual(['text', 'wrote', 'text', 'wrote', 'text', 'wrote']);
    expect(of('privileged-label').lines).toEqual([label('system_u:system_r:spc_t:s0')]);
  });

  test('no-new-privs, a level of its own, an exec', () => {
    expect(of('nnp')).toEqual({ exitCode: 0, lines: [label(processLabel)] });
    expect(of('level').lines).toEqual([label('system_u:system_r:container_t:s0:c0')]);
    expect(of('exec')).toEqual({ exitCode: 0, lines: [label(processLabel)] });
  });

  test('a label that the policy does not know is refused by name', () => {
    expect(of('unknown')).toEqual({
      exitCode: 125,
      lines: [
        expect.stringContaining(
          'selinux system_u:system_r:no_such_t:s0:c1,c2: Invalid argument (the label is not',
        ),
      ],
    });
  });

  test('shared memory, /tmp and cgroups can be used, and what is masked looks empty', () => {
    expect(of('files')).toEqual({ exitCode: 0, lines: ['fine', 'seen', 'empty'] });
  });
});

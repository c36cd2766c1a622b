import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciHooks, OciSpec } from '../../../src/base/index.ts';
import { Workshop } from './testing/bundle.ts';

let shop: Workshop;
let log: string;
beforeAll(() => {
  shop = new Workshop();
});
afterAll(() => shop.dispose());

/** Of every process of this machine. */
function commandLines(): string[] {
  const read = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return ''; // gone meanwhile
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(read);
}

/** A hook that writes the state it was told and what it sees into a file of the host's. */
function hook(name: string, script: string): string {
  const path = shop.path(`${name}.sh`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

const withHooks = (script: string, hooks: OciHooks): OciSpec =>
  shop.script(script, (spec) => {
    spec.hooks = hooks;
    spec.annotations = { some: 'annotation "quoted"' };
  });

describe('hooks', () => {
  test('of the runtime run outside, before the container is entered, with its pid and state', () => {
    log = shop.path('log');
    const look = `cat > ${log}; readlink /proc/self/ns/mnt /proc/self/ns/pid > ${log}.ns
      pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/' ${log}); readlink /proc/$pid/ns/mnt > ${log}.app; ls /proc/$$/fd | tr '\\n' ' ' > ${log}.fds; echo "$A $@" > ${log}.env`;
    const path = hook('create', look);
    const spec = withHooks('true', {
      createRuntime: [{ path, args: ['name', 'one', 'two'], env: ['A=value', 'PATH=/bin:/usr/bin'] }],
    });
    expect(shop.run(spec)).toEqual({ status: 0, stdout: '', stderr: '' });
    const state = JSON.parse(readFileSync(log, 'utf8')) as Record<string, unknown>;
    expect(state).toMatchObject({
      id: 'bundle',
      status: 'creating',
      annotations: { some: 'annotation "quoted"' },
    });
    expect(existsSync(join(String(state['bundle']), 'config.json'))).toBe(true);
    const own = ['mnt', 'pid'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
    expect(readFileSync(`${log}.ns`, 'utf8').trim().split('\n')).toEqual(own);
    // The app's process is in its own mount namespace by now.
    expect(readFileSync(`${log}.app`, 'utf8')).toMatch(/^mnt:/);
    expect(readFileSync(`${log}.app`, 'utf8').trim()).not.toBe(own[0]);
    expect(readFileSync(`${log}.fds`, 'utf8')).toMatch(/^0 1 10 2 $/);
    expect(readFileSync(`${log}.env`, 'utf8')).toBe('value one two\n');
  });

  test('of the container run inside its namespaces, before pivot_root, and see its root where the document has it', () => {
    log = shop.path('log');
    const place = shop.path('rootfs');
    const path = hook(
      'container',
      `mkdir -p ${place}/from-hook; mount -t tmpfs hook ${place}/from-hook; echo text > ${place}/from-hook/file
      ls ${place}/proc/1/comm > /dev/null && cat /proc/self/comm > ${log}`,
    );
    const spec = withHooks('cat /from-hook/file; ls /proc/1/comm', {
      createContainer: [{ path, env: ['PATH=/bin:/usr/bin'] }],
    });
    // root.path is where hooks look; the manifest says what is there.
    const app = {
      ...{
        contractVersion: 1,
        id: 'b'.repeat(64),
        name: 'a',
        stdin: false,
        stdinOnce: false,
        log: { kind: 'none' },
        stopSignal: 15,
      },
      ...{ pid: 'app', after: [], probes: [], rootfs: { kind: 'directory', path: shop.root } },
    };
    const done = shop.run({ ...spec, root: { path: place } }, { app });
    expect(done).toEqual({ status: 0, stdout: 'text\n/proc/1/comm\n', stderr: '' });
    expect(readFileSync(log, 'utf8')).toBe('cat\n');
    // Nothing of it came out: neither the hook's mount nor the root.
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(place);
  });

  test('at the start run inside the container, with the program’s environment', () => {
    mkdirSync(join(shop.root, 'hooks'), { recursive: true });
    writeFileSync(join(shop.root, 'hooks/start'), '#!/bin/sh\ncat > /tmp/state; echo "$A" > /tmp/env\n');
    chmodSync(join(shop.root, 'hooks/start'), 0o755);
    const spec = withHooks('cat /tmp/env; sed "s/.*\\"status\\":\\"\\([a-z]*\\)\\".*/\\1/" /tmp/state', {
      startContainer: [{ path: '/hooks/start' }],
    });
    spec.process.env = ['A=of the program', 'PATH=/bin'];
    expect(shop.run(spec).stdout).toBe('of the program\ncreated');
  });

  test.each(['prestart', 'createRuntime', 'createContainer'] as const)(
    '%s: one that fails ends it, with its words',
    (kind) => {
      const [bad, never] = [
        hook('bad', 'echo that went wrong >&2; exit 3'),
        hook('never', `touch ${shop.directory}/never`),
      ];
      const done = shop.run(withHooks('echo ran', { [kind]: [{ path: bad }, { path: never }] }));
      expect(done.stdout).toBe('');
      expect(done.stderr).toContain(
        `${kind} hook ${bad}: Operation canceled (exited with code 3: that went wrong)`,
      );
      expect(existsSync(`${shop.directory}/never`)).toBe(false);
    },
  );

  test('one that takes too long is killed with all that it started', () => {
    const path = hook('slow', 'sleep 61.75 & sleep 62.75');
    const done = shop.run(withHooks('true', { createRuntime: [{ path, env: ['PATH=/bin'], timeout: 1 }] }));
    expect(done.stderr).toContain('did not end within 1 s');
    expect(commandLines().filter((line) => /sleep.6[12]\.75/.test(line))).toEqual([]);
  });

  test('one that is not there is named', () => {
    const done = shop.run(withHooks('true', { createRuntime: [{ path: '/no/such/hook' }] }));
    expect(done.stderr).toContain('createRuntime hook /no/such/hook: No such file or directory');
  });
});

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MountInit } from '../../src/cri-types/index.ts';
import {
  createContainer,
  exec,
  failure,
  hostNetwork,
  type Pod,
  pull,
  removePod,
  rootPropagation,
  runPod,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';

let world: World;
let pod: Pod;
beforeAll(async () => {
  world = await World.create({ subnet: 174, server: { wrapper: rootPropagation.shared } });
  await pull(world, shellImage);
});
afterAll(() => world.dispose());
beforeEach(async () => {
  pod = await runPod(world, {
    linux: { securityContext: { ...hostNetwork.securityContext, privileged: true } },
  });
});
afterEach(() => removePod(world, pod));

const directory = (name: string): string => {
  const path = join(world.directory, name);
  mkdirSync(path, { recursive: true });
  return path;
};
const mounted = (...mounts: MountInit[]): Promise<string> => startContainer(world, pod, { mounts });
const say = async (id: string, text: string): Promise<string> => {
  const { text: said, exitCode, stderr } = await exec(world, id, text);
  if (exitCode !== 0) throw new Error(`${text}: ${exitCode}: ${Buffer.from(stderr).toString()}`);
  return said;
};
const fails = async (id: string, text: string): Promise<string> => {
  const { exitCode, stderr } = await exec(world, id, text);
  expect([text, exitCode]).not.toEqual([text, 0]);
  return Buffer.from(stderr).toString();
};
const refused = async (mount: MountInit): Promise<string> =>
  (await failure(createContainer(world, pod, { mounts: [mount] }))).message;

describe('mount options', () => {
  test('noexec, nosuid, nodev are in force', async () => {
    const path = directory('options');
    writeFileSync(join(path, 'program'), '#!/bin/sh\necho ran\n');
    chmodSync(join(path, 'program'), 0o755);
    execFileSync('mknod', [join(path, 'null'), 'c', '1', '3']);
    chmodSync(join(path, 'null'), 0o666);
    const id = await mounted(
      { hostPath: path, containerPath: '/plain' },
      { hostPath: path, containerPath: '/strict', mountOptions: ['noexec', 'nosuid', 'nodev'] },
    );
    expect(await say(id, '/plain/program; echo x > /plain/null')).toBe('ran');
    expect(await fails(id, '/strict/program')).toContain('Permission denied');
    expect(await fails(id, 'echo x > /strict/null')).toContain('Permission denied');
    expect(await say(id, "grep ' /strict ' /proc/self/mountinfo | cut -d' ' -f6")).toBe(
      'rw,nosuid,nodev,noexec,relatime',
    );
  });

  test('that would be the file system’s own are refused by name', async () => {
    const hostPath = directory('options');
    const message = await refused({ hostPath, containerPath: '/mnt', mountOptions: ['size=1k'] });
    expect(message).toContain("mount option 'size=1k' of /mnt is not one of");
  });
});

describe('read-only', () => {
  test('cannot be written, nor made writable by whoever has no rights over mounts', async () => {
    const hostPath = directory('readonly');
    writeFileSync(join(hostPath, 'file'), 'text');
    const id = await mounted({ hostPath, containerPath: '/mnt', readonly: true });
    for (const deed of ['touch /mnt/x', 'echo x > /mnt/file', 'rm /mnt/file', 'mount -o remount,rw /mnt']) {
      await fails(id, deed);
    }
    expect(readFileSync(join(hostPath, 'file'), 'utf8')).toBe('text');
  });

  test('recursive, by its rules', async () => {
    const mount = { hostPath: directory('rules'), containerPath: '/mnt', recursiveReadOnly: true };
    expect(await refused(mount)).toContain('recursive_read_only without readonly');
    const slave = { ...mount, readonly: true, propagation: 'PROPAGATION_HOST_TO_CONTAINER' as const };
    expect(await refused(slave)).toContain('recursive_read_only needs private propagation');
    const id = await mounted({ ...mount, readonly: true });
    await fails(id, 'touch /mnt/x');
    const { runtimeHandlers } = await world.cri.call('Status', {});
    expect(runtimeHandlers.map(({ name }) => name)).toContain('');
    for (const { features } of runtimeHandlers) expect(features?.recursiveReadOnlyMounts).toBe(true);
  });
});

describe('links', () => {
  test('on the host are followed, also in the middle of a path', async () => {
    const real = directory('real/below');
    writeFileSync(join(real, 'file'), 'found');
    symlinkSync('real', join(world.directory, 'link'));
    symlinkSync('below/file', join(world.directory, 'real/to-file'));
    const id = await mounted(
      { hostPath: join(world.directory, 'link/below'), containerPath: '/directory' },
      { hostPath: join(world.directory, 'link/to-file'), containerPath: '/a/new/file' },
    );
    expect(await say(id, 'cat /directory/file /a/new/file; stat -c %F /a/new/file')).toBe(
      'foundfoundregular file',
    );
  });

  test('to nowhere are refused by name', async () => {
    symlinkSync('/no/such/place', join(world.directory, 'dangling'));
    expect(await refused({ hostPath: join(world.directory, 'dangling'), containerPath: '/mnt' })).toContain(
      'dangling',
    );
  });
});

test('mounts are made by depth, whatever their order', async () => {
  const [outer, inner] = [directory('outer'), directory('inner')];
  mkdirSync(join(outer, 'in'), { recursive: true });
  writeFileSync(join(inner, 'file'), 'inner');
  const id = await mounted(
    { hostPath: inner, containerPath: '/mnt/in' },
    { hostPath: outer, containerPath: '/mnt' },
  );
  expect(await say(id, 'cat /mnt/in/file')).toBe('inner');
});

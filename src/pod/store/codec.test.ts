import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { complete } from '../../cri-types/index.ts';
import type { ContainerRecord, ContainerState, SandboxRecord, SandboxState } from '../model/record.ts';
import { quarantine, readContainerRecord, readSandboxRecord, writeRecord } from './codec.ts';

const directory = mkdtempSync(join(tmpdir(), 'pod-records-'));
afterAll(() => rmSync(directory, { recursive: true }));

const sandbox: SandboxRecord = {
  version: 1,
  id: 'a'.repeat(64),
  owner: 'cri',
  name: 'pod_default_uid_0',
  config: complete('PodSandboxConfig', {
    metadata: { name: 'pod', namespace: 'default', uid: 'uid', attempt: 3 },
    labels: { app: 'x' },
    linux: {
      securityContext: { runAsUser: { value: 9_007_199_254_740_993n } },
      sysctls: { 'net.core.somaxconn': '1' },
    },
  }),
  runtimeHandler: '',
  flavor: 'namespaces',
  createdAt: 1_700_000_000_123_456_789n,
  bootId: 'boot',
  state: { kind: 'ready' },
  netnsPath: '/run/netns/x',
  usernsPath: '',
  network: undefined,
  cgroupPath: '/gantry/a',
  cgroupParent: '',
  seLinuxLevel: 's0:c1,c2',
  pid: 0,
};

const container: ContainerRecord = {
  version: 1,
  id: 'b'.repeat(64),
  sandboxId: sandbox.id,
  name: 'c_pod_default_uid_0',
  config: complete('ContainerConfig', {
    metadata: { name: 'c', attempt: 1 },
    image: { image: 'busybox' },
    linux: { resources: { memoryLimitInBytes: 64n << 20n } },
  }),
  imageId: 'sha256:1',
  imageRef: 'busybox',
  volumeImageIds: ['sha256:2', 'sha256:3'],
  createdAt: 1n,
  state: { kind: 'created' },
  cgroupPath: '/gantry/b',
  logPath: '',
  stopSignal: 15,
  writablePath: '/w',
  user: { uid: 1, gid: 2, additionalGids: [3] },
};

describe('records', () => {
  const path = join(directory, 'record.json');

  it.each<SandboxState>([
    { kind: 'creating' },
    { kind: 'ready' },
    { kind: 'notready', networkDown: false, reason: 'its stage1 died' },
    { kind: 'removing' },
  ])('a sandbox comes back as it was: $kind', (state) => {
    writeRecord(path, { ...sandbox, state });
    expect(readSandboxRecord(path)).toEqual({ ...sandbox, state });
  });

  it.each<ContainerState>([
    { kind: 'creating' },
    { kind: 'created' },
    { kind: 'running', startedAt: 1_700_000_000_000_000_001n, pid: 7 },
    { kind: 'exited', startedAt: 1n, finishedAt: 2n, exitCode: 137, reason: 'OOMKilled', message: 'm' },
    { kind: 'removing' },
  ])('a container comes back as it was: $kind', (state) => {
    writeRecord(path, { ...container, state });
    expect(readContainerRecord(path)).toEqual({ ...container, state });
  });

  it('no file is no record, not an error', () => {
    expect(readSandboxRecord(join(directory, 'absent'))).toBeUndefined();
  });

  const good = JSON.parse(JSON.stringify(sandbox, (_k, v) => (typeof v === 'bigint' ? `${v}` : v))) as object;
  it.each([
    ['cut off', '{"version":1,"id":"aa'],
    ['empty', ''],
    ['another type', '[]'],
    ['a member missing', JSON.stringify({ ...good, name: undefined })],
    ['a member of another type', JSON.stringify({ ...good, createdAt: 5 })],
    ['an unknown state', JSON.stringify({ ...good, state: { kind: 'flying' } })],
    ['a later version', JSON.stringify({ ...good, version: 2 })],
  ])('%s: data-loss that names the file', (_name, text) => {
    writeFileSync(path, text);
    expect(() => readSandboxRecord(path)).toThrow(
      expect.objectContaining({ code: 'data-loss', subject: path }),
    );
  });

  it('quarantine moves the directory whole', () => {
    const bad = join(directory, 'bad');
    mkdirSync(bad);
    writeFileSync(join(bad, 'record.json'), 'x');
    const now = quarantine(bad, join(directory, 'quarantine'));
    expect(readdirSync(now)).toEqual(['record.json']);
    expect(readdirSync(directory)).not.toContain('bad');
  });
});

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { complete } from '../../cri-types/index.ts';
import type { ContainerRecord, ContainerState, SandboxRecord, SandboxState } from '../model/record.ts';
import { quarantine, type Reading, readContainerRecord, readSandboxRecord, writeRecord } from './codec.ts';

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

/** The record, or the kind of trouble. */
function recordOf<R>(reading: Reading<R>): R | string {
  return reading.kind === 'read' ? reading.record : reading.kind;
}

const json = (value: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(value, (_k, v) => (typeof v === 'bigint' ? `${v}` : v))) as Record<
    string,
    unknown
  >;

describe('records', () => {
  const path = join(directory, 'record.json');

  it.each<SandboxState>([
    { kind: 'creating' },
    { kind: 'ready' },
    { kind: 'notready', networkDown: false, reason: 'its stage1 died' },
    { kind: 'removing' },
  ])('a sandbox comes back as it was: $kind', (state) => {
    writeRecord(path, { ...sandbox, state });
    expect(recordOf(readSandboxRecord(path))).toEqual({ ...sandbox, state });
  });

  it.each<ContainerState>([
    { kind: 'creating' },
    { kind: 'created' },
    { kind: 'running', startedAt: 1_700_000_000_000_000_001n, pid: 7 },
    { kind: 'exited', startedAt: 1n, finishedAt: 2n, exitCode: 137, reason: 'OOMKilled', message: 'm' },
    { kind: 'removing' },
  ])('a container comes back as it was: $kind', (state) => {
    writeRecord(path, { ...container, state });
    expect(recordOf(readContainerRecord(path))).toEqual({ ...container, state });
  });

  const good = json(sandbox);
  it.each([
    ['no file', undefined, 'absent'],
    ['a file that the file system does not give', 'loop', 'unreadable'],
    ['cut off', '{"version":1,"id":"aa', 'torn'],
    ['empty', '', 'torn'],
    ['another type', '[]', 'torn'],
    ['a member missing', JSON.stringify({ ...good, name: undefined }), 'torn'],
    ['a member of another type', JSON.stringify({ ...good, createdAt: 5 }), 'torn'],
    [
      'a later version that lacks a member',
      JSON.stringify({ ...good, version: 2, name: undefined }),
      'foreign',
    ],
  ])('%s: %s is %s', (_name, text, kind) => {
    rmSync(path, { force: true });
    if (text === 'loop') symlinkSync(path, path);
    else if (text !== undefined) writeFileSync(path, text);
    const reading = readSandboxRecord(path);
    expect(reading.kind).toBe(kind);
    if ('error' in reading) expect(reading.error).toMatchObject({ subject: path });
    rmSync(path, { force: true });
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

describe('records of another release', () => {
  const path = join(directory, 'foreign.json');
  const later = {
    ...json(sandbox),
    version: 2,
    flavor: 'microvm',
    owner: 'operator',
    state: { kind: 'paused', by: 'somebody' },
    extra: { deep: [1, { x: 2 }] },
    config: {
      ...(json(sandbox)['config'] as object),
      annotations: { a: '1' },
      newThing: 'n',
      portMappings: [{ protocol: 'QUIC', containerPort: 1 }],
    },
  };
  const read = () => {
    writeFileSync(path, JSON.stringify(later));
    const reading = readSandboxRecord(path);
    if (reading.kind !== 'read') throw new Error(reading.kind);
    return reading;
  };
  const stored = () => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

  it('are read for what is known', () => {
    const { record } = read();
    expect(record).toMatchObject({
      version: 2,
      id: sandbox.id,
      flavor: 'microvm',
      state: { kind: 'ready' },
      config: { annotations: { a: '1' }, portMappings: [{ containerPort: 1 }] },
    });
    expect(record.owner).not.toBe('cri');
  });

  it('come out as they went in', () => {
    const { record, origin } = read();
    writeRecord(path, record, origin);
    expect(stored()).toEqual(later);
  });

  it('keep what is not understood when something beside it changes', () => {
    const { record, origin } = read();
    const config = { ...record.config, annotations: { b: '2' } };
    writeRecord(path, { ...record, config, pid: 9 }, origin);
    expect(stored()).toEqual({ ...later, pid: 9, config: { ...later.config, annotations: { b: '2' } } });
    writeRecord(path, { ...record, state: { kind: 'removing' } }, origin);
    expect(stored()).toEqual({ ...later, state: { kind: 'removing', by: 'somebody' } });
  });

  it('a container in an unknown state is read, and keeps the word until its state changes', () => {
    const strange = { ...json(container), state: { kind: 'frozen', since: '5' } };
    writeFileSync(path, JSON.stringify(strange));
    const reading = readContainerRecord(path);
    if (reading.kind !== 'read') throw new Error(reading.kind);
    expect(reading.record.state).toEqual({ kind: 'created' });
    writeRecord(path, { ...reading.record, imageRef: 'other' }, reading.origin);
    expect(stored()).toEqual({ ...strange, imageRef: 'other' });
  });
});

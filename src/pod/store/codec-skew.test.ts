// Members of a later release at random places of a record, and random changes by this one: nothing is lost, and nothing else changes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { complete } from '../../cri-types/index.ts';
import type { ContainerRecord, SandboxRecord } from '../model/record.ts';
import { type Reading, readContainerRecord, readSandboxRecord, writeRecord } from './codec.ts';
import { isObject, type JsonObject, toJson } from './merge.ts';

const directory = mkdtempSync(join(tmpdir(), 'pod-skew-'));
const path = join(directory, 'record.json');
afterAll(() => rmSync(directory, { recursive: true }));

const sandbox: SandboxRecord = {
  version: 1,
  id: 'a'.repeat(64),
  owner: 'cri',
  name: 'pod_default_uid_0',
  config: complete('PodSandboxConfig', {
    metadata: { name: 'pod', namespace: 'default', uid: 'uid', attempt: 3 },
    labels: { app: 'x' },
    portMappings: [{ containerPort: 80, hostPort: 8080 }],
    linux: { securityContext: { runAsUser: { value: 9_007_199_254_740_993n } } },
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
  seLinuxLevel: '',
  pid: 0,
};

const container: ContainerRecord = {
  version: 1,
  id: 'b'.repeat(64),
  sandboxId: sandbox.id,
  name: 'c_pod_default_uid_0',
  config: complete('ContainerConfig', {
    metadata: { name: 'c', attempt: 1 },
    mounts: [{ hostPath: '/a', containerPath: '/b' }],
    linux: { resources: { memoryLimitInBytes: 64n << 20n } },
  }),
  imageId: 'sha256:1',
  imageRef: 'busybox',
  createdAt: 1n,
  state: { kind: 'created' },
  cgroupPath: '/gantry/b',
  logPath: '',
  stopSignal: 15,
  writablePath: '/w',
  user: { uid: 1, gid: 2, additionalGids: [3] },
};

/** What this release does to records. */
const sandboxChanges: readonly Partial<SandboxRecord>[] = [
  { state: { kind: 'notready', networkDown: false, reason: 'stopped' } },
  { state: { kind: 'removing' } },
  { pid: 77 },
  { failure: { step: 'network', message: 'DEL failed', at: 5n } },
  { failure: undefined },
  { config: { ...sandbox.config, hostname: 'another' } },
];
const containerChanges: readonly Partial<ContainerRecord>[] = [
  { state: { kind: 'running', startedAt: 3n, pid: 9 } },
  {
    state: { kind: 'exited', startedAt: 3n, finishedAt: 4n, exitCode: 1, reason: 'Error', message: '' },
  },
  { state: { kind: 'removing' } },
  {
    config: complete('ContainerConfig', {
      ...container.config,
      linux: { resources: { memoryLimitInBytes: 96n << 20n, cpuShares: 5n } },
    }),
  },
];

/** Deterministic, so that a failure can be looked at again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

type Path = readonly (string | number)[];

/** Paths of all objects within, the outermost too; of those in lists as well. */
function objectsIn(value: unknown, at: Path = []): Path[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectsIn(item, [...at, index]));
  if (!isObject(value)) return [];
  return [at, ...Object.entries(value).flatMap(([name, member]) => objectsIn(member, [...at, name]))];
}

function memberAt(value: unknown, at: Path): unknown {
  return at.reduce<unknown>(
    (found, name) => (isObject(found) || Array.isArray(found) ? (found as JsonObject)[name] : undefined),
    value,
  );
}

/** Where any name is a known one. */
const maps = ['labels', 'annotations', 'sysctls', 'unified'];

/** A member that nobody knows in some of its objects; the paths of those members. */
function plant(record: JsonObject, random: (below: number) => number): Path[] {
  const places = objectsIn(record).filter((at) => !maps.some((name) => at.includes(name)) && random(3) === 0);
  return places.map((at, index) => {
    const object = memberAt(record, at) as Record<string, unknown>;
    object['later'] = { index, list: [{ deep: random(100) }] };
    return [...at, 'later'];
  });
}

function read<R>(reading: Reading<R>): Extract<Reading<R>, { kind: 'read' }> {
  if (reading.kind !== 'read') throw new Error(reading.kind);
  return reading;
}

describe.each([
  ['pod', sandbox, sandboxChanges, readSandboxRecord],
  ['container', container, containerChanges, readContainerRecord],
] as const)('the record of a %s', (_what, base, changes, readRecord) => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed + 1))(
    'keeps what it does not know, seed %i',
    (seed) => {
      const random = numbers(seed);
      const stored = toJson({ ...base, version: 1 + random(5) });
      const planted = plant(stored as JsonObject, random);
      writeFileSync(path, JSON.stringify(stored));
      // Servers follow each other; each changes something twice.
      let reading = read<SandboxRecord | ContainerRecord>(readRecord(path));
      let record = reading.record;
      for (let turn = 0; turn < 4; turn += 1) {
        const change = changes[random(changes.length)] ?? {};
        record = { ...record, ...change } as typeof record;
        writeRecord(path, record, reading.origin);
        const now = JSON.parse(readFileSync(path, 'utf8')) as JsonObject;
        for (const at of planted) expect(memberAt(now, at), at.join('.')).toEqual(memberAt(stored, at));
        const again = read<SandboxRecord | ContainerRecord>(readRecord(path));
        expect(toJson(again.record)).toEqual(toJson(record));
        if (turn === 1) reading = again;
      }
    },
  );
});

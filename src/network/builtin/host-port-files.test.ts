import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HostPorts, type PortEntry } from './host-ports.ts';

let directory: string;
let ports: HostPorts;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'host-ports-'));
  ports = new HostPorts(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const entry = (podId: string, hostPort: number): PortEntry => ({
  podId,
  podName: `default/${podId}`,
  ips: ['10.0.0.2'],
  mappings: [{ protocol: 'tcp', hostPort, containerPort: 80, hostIp: '' }],
});
const file = (podId: string): string => join(directory, 'ports', `${podId}.json`);

it('a file that cannot be read now is an error, and keeps its pod’s ports', () => {
  ports.reserve(entry('a', 8080));
  // EISDIR stands for EIO and EMFILE, which cannot be had at will.
  renameSync(file('a'), join(directory, 'aside'));
  mkdirSync(file('a'));
  for (const attempt of [() => ports.all(), () => ports.of('a'), () => ports.reserve(entry('b', 8081))]) {
    expect(attempt).toThrow(/cannot read host ports in .*a\.json: .*EISDIR/);
  }
  expect(readdirSync(join(directory, 'ports'))).toEqual(['a.json']);
  rmdirSync(file('a'));
  renameSync(join(directory, 'aside'), file('a'));
  expect(ports.all()).toEqual([entry('a', 8080)]);
  expect(() => ports.reserve(entry('b', 8080))).toThrow('taken by pod default/a');
});

it('a file that a power cut left empty goes', () => {
  ports.reserve(entry('a', 8080));
  writeFileSync(file('a'), '');
  expect(ports.all()).toEqual([]);
  expect(readdirSync(join(directory, 'ports'))).toEqual([]);
});

it('what is absent is nothing', () => {
  expect(ports.all()).toEqual([]);
  expect(ports.of('a')).toBeUndefined();
  ports.release('a');
});

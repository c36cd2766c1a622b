/** hack/bench once everything is built: starts both peers on the same registry and measures row after row. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imageHosts, imageStorage, startRegistry, writeHosts } from '../../e2e/images/index.ts';
import { makeCertificates } from '../../src/image/testing/tls.ts';
import { serverMemory, smallCalls } from './calls.ts';
import { pulls } from './pull.ts';
import {
  execSync,
  fiveHundredPods,
  logThroughput,
  type Pair,
  podUp,
  sixtyPods,
  stopContainer,
} from './rows.ts';
import {
  bridge,
  hostNetwork,
  image,
  type Place,
  startContainerd,
  startGantry,
  stopSubject,
  writeNetwork,
} from './subjects.ts';
import { heading, type Measured, row } from './table.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, only: { type: 'string', default: '.' } },
});
const rounds = Number(values.rounds);
const only = new RegExp(values.only);

const directory = mkdtempSync('/tmp/ge-');
chmodSync(directory, 0o755);
const certificates = makeCertificates(directory);
const registry = await startRegistry({
  storage: await imageStorage('bench'),
  directory: join(directory, 'registry'),
  tls: certificates.server,
});
const place: Place = { directory, hostsDir: join(directory, 'hosts'), cniConfDir: writeNetwork(directory) };
writeHosts(place.hostsDir, registry.url, imageHosts, certificates.ca);

function print(measured: Measured | Measured[]): void {
  for (const each of [measured].flat()) process.stdout.write(`${row(each)}\n`);
}

async function measure(): Promise<void> {
  const peer = await startContainerd(place);
  const ours = await startGantry(place, 'builtin');
  const oursCni = await startGantry(place, 'cni');
  const started = performance.now();
  try {
    for (const { cri } of [peer, ours, oursCni]) await cri.call('PullImage', { image: { image } }, 60_000);
    const pair: Pair = { peer, ours };
    const rows: readonly [string, () => Promise<Measured | Measured[]>][] = [
      ['memory', () => serverMemory(pair, 5000)],
      ['calls', () => smallCalls(pair, rounds, started)],
      ['up-host', () => podUp(pair, rounds, 'host network', hostNetwork, 0.08)],
      ['up-builtin', () => podUp(pair, rounds, 'built-in network (peer: CNI)', undefined, 0.1)],
      ['up-cni', () => podUp({ peer, ours: oursCni }, rounds, 'CNI bridge + portmap', undefined, 0.3)],
      ['exec', () => execSync(pair, rounds)],
      ['stop', () => stopContainer(pair, rounds)],
      ['logs', () => logThroughput(pair, directory)],
      ['sixty', () => sixtyPods(pair)],
      ['five-hundred', () => fiveHundredPods(pair)],
    ];
    for (const [name, work] of rows) if (only.test(name)) print(await work());
  } finally {
    for (const subject of [peer, ours, oursCni]) await stopSubject(subject);
  }
  if (only.test('pull')) print(await pulls(place, 3));
}

process.stdout.write(`${heading}\n`);
try {
  await measure();
} finally {
  await registry.stop();
  for (const link of [bridge, 'ge-bench0']) spawnSync('ip', ['link', 'delete', link]);
  rmSync(directory, { recursive: true, force: true });
}

import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  hostNetwork,
  type Pod,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

/** A line of a CRI log: time, stream, tag, bytes. */
const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([PF]) (.*)$/s;
/** What a line is cut at (containerd's and CRI-O's default). */
const limit = 16_384;

// As the kubelet does it, only without a pause: rename, ReopenContainerLog, again.
describe('a log that is reopened all the time under a heavy writer', () => {
  let world: World;
  let pod: Pod;

  beforeAll(async () => {
    world = await World.create({ subnet: 132 });
    await pull(world, shellImage);
    pod = await runPod(world, { linux: hostNetwork });
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('has every line once, whole and in order, on both streams', async () => {
    const [rounds, lines, long] = [80, 2000, 'l'.repeat(40_000)];
    const round = `seq $((n*${lines})) $((n*${lines}+${lines - 1})); echo ${long}$n; echo err $n >&2`;
    const text = `n=0; while [ $n -lt ${rounds} ]; do ${round}; n=$((n+1)); done; printf end`;
    const files = await rotateUntilExit('heavy', text);
    expect(files.length).toBeGreaterThan(10);
    const entries = files.flatMap(entriesOf);
    const stdout: string[] = [];
    for (let n = 0; n < rounds; n += 1) {
      for (let line = 0; line < lines; line += 1) stdout.push(`${n * lines + line}\n`);
      stdout.push(`${long}${n}\n`);
    }
    expect(joined(entries, 'stdout') === `${stdout.join('')}end`).toBe(true);
    expect(joined(entries, 'stderr')).toBe(Array.from({ length: rounds }, (_, n) => `err ${n}\n`).join(''));
    // Partial pieces are all of the limit; only what had no newline when the stream ended may be shorter.
    const short = entries.filter(({ tag, bytes }) => tag === 'P' && bytes.length !== limit);
    expect(short.map(({ bytes }) => bytes)).toEqual(['end']);
    expect(entries.every(({ bytes }) => bytes.length <= limit)).toBe(true);
  });

  test('goes on with a terminal, whose lines end in CR LF', async () => {
    const files = await rotateUntilExit('terminal', 'seq 1 60000', true);
    const text = joined(files.flatMap(entriesOf), 'stdout');
    expect(text === Array.from({ length: 60_000 }, (_, n) => `${n + 1}\r\n`).join('')).toBe(true);
  });

  test('is left with nothing once all is removed', async () => {
    await removePod(world, pod);
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  /** The files, oldest first. */
  async function rotateUntilExit(name: string, text: string, tty = false): Promise<string[]> {
    const metadata = { name, attempt: 0 };
    const id = await startContainer(world, pod, { metadata, logPath: `${name}.log`, tty, ...script(text) });
    const file = join(pod.config.logDirectory ?? '', `${name}.log`);
    const files: string[] = [];
    while ((await containerStatus(world, id)).state === 'CONTAINER_RUNNING') {
      const rotated = `${file}.${files.length}`;
      renameSync(file, rotated);
      files.push(rotated);
      // It may have ended meanwhile, and then has no log to open.
      const ended = await world.cri.call('ReopenContainerLog', { containerId: id }).then(
        () => false,
        () => true,
      );
      if (ended) break;
    }
    expect((await waitForExit(world, id)).exitCode).toBe(0);
    return [...files, file].filter((path) => existsSync(path));
  }
});

interface Entry {
  readonly stream: string;
  readonly tag: string;
  readonly bytes: string;
}

/** Fails on a line that is torn. */
function entriesOf(file: string): Entry[] {
  const text = readFileSync(file, 'latin1');
  if (text === '') return [];
  expect(text.endsWith('\n')).toBe(true);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const [, stream = '', tag = '', bytes = ''] = form.exec(line) ?? [];
      if (stream === '') throw new Error(`${file}: no line of a CRI log: ${line.slice(0, 100)}`);
      return { stream, tag, bytes };
    });
}

function joined(entries: readonly Entry[], stream: string): string {
  return entries
    .filter((entry) => entry.stream === stream)
    .map(({ tag, bytes }) => (tag === 'P' ? bytes : `${bytes}\n`))
    .join('');
}

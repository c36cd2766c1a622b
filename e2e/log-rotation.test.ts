import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  eventually,
  exec,
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
const rotations = 20;

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
    const [lines, long] = [2000, 'l'.repeat(40_000)];
    const round = `seq $((n*${lines})) $((n*${lines}+${lines - 1})); echo ${long}$n; echo err $n >&2`;
    const entries = await entriesOfRotated('heavy', round, 'printf end');
    // However many there were by the time of the last rotation.
    const rounds = entries.filter(({ stream }) => stream === 'stderr').length;
    expect(rounds).toBeGreaterThan(0);
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
    const entries = await entriesOfRotated('terminal', 'seq $((n*1000)) $((n*1000+999))', 'echo $n', true);
    const seen = joined(entries, 'stdout').split('\r\n');
    const rounds = Number(seen.at(-2));
    expect(rounds).toBeGreaterThan(0);
    const wanted = [...Array(rounds * 1000).keys(), rounds, ''].map(String);
    expect(seen.join() === wanted.join()).toBe(true);
  });

  test('is left with nothing once all is removed', async () => {
    await removePod(world, pod);
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  /**
   * What a container writes that does `round` again and again (n = 0, 1, …) until its log was rotated `rotations` times, and
   * then `last`. Each of the files has something in it.
   */
  async function entriesOfRotated(name: string, round: string, last: string, tty = false): Promise<Entry[]> {
    const loop = `while [ $go = yes ]; do ${round}; n=$((n+1)); done`;
    const text = `go=yes; trap 'go=no' TERM; echo $$ > /tmp/pid; n=0; ${loop}; ${last}`;
    const metadata = { name, attempt: 0 };
    const id = await startContainer(world, pod, { metadata, logPath: `${name}.log`, tty, ...script(text) });
    const file = join(pod.config.logDirectory ?? '', `${name}.log`);
    const files: string[] = [];
    while (files.length < rotations) {
      await eventually(
        () => statSync(file).size,
        (size) => size > 0,
      );
      const rotated = `${file}.${files.length}`;
      renameSync(file, rotated);
      files.push(rotated);
      await world.cri.call('ReopenContainerLog', { containerId: id });
    }
    await exec(world, id, 'kill -TERM $(cat /tmp/pid)');
    expect((await waitForExit(world, id)).exitCode).toBe(0);
    return [...files, file].flatMap(entriesOf);
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

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRootfs, newId, type Rootfs, TestPod } from '../../addon/stage1/testing/index.ts';
import { eventually } from '../harness/index.ts';
import { journal } from './service.ts';

interface Entry {
  readonly MESSAGE: string;
  readonly PRIORITY: string;
  readonly GANTRY_APP: string;
  readonly CONTAINER_PARTIAL_MESSAGE?: string;
}

// The sink of pods without a server, with the journal of the machine.
describe('an app’s output in the journal', () => {
  let rootfs: Rootfs;
  let pod: TestPod;

  beforeAll(async () => {
    rootfs = makeRootfs();
    pod = await TestPod.start({ rootfs: rootfs.path });
  });
  afterAll(async () => {
    await pod.close();
    rootfs.remove();
  });

  test('is a line an entry, by stream, under its identifier', async () => {
    const { id, entries } = await run(
      'echo out; sleep 1; echo "  err = 1" >&2; sleep 1; printf unfinished',
      3,
    );
    expect(entries).toEqual([
      { MESSAGE: 'out', PRIORITY: '6', GANTRY_APP: id },
      { MESSAGE: '  err = 1', PRIORITY: '3', GANTRY_APP: id },
      { MESSAGE: 'unfinished', PRIORITY: '6', GANTRY_APP: id },
    ]);
  });

  test('is cut where a line is very long, and says so', async () => {
    const { entries } = await run(
      `i=0; while [ $i -lt 2000 ]; do printf 0123456789; i=$((i+1)); done; echo`,
      2,
    );
    expect(
      entries.map(({ MESSAGE, CONTAINER_PARTIAL_MESSAGE }) => [MESSAGE.length, CONTAINER_PARTIAL_MESSAGE]),
    ).toEqual([
      [16_384, 'true'],
      [3_616, undefined],
    ]);
  });

  test('is whole and in order when it comes faster than the journal reads', async () => {
    const { entries } = await run('i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done', 5000);
    expect(entries.map(({ MESSAGE }) => MESSAGE)).toEqual(Array.from({ length: 5000 }, (_, n) => String(n)));
    expect(pod.control.events.filter(({ warning }) => (warning?.appId ?? '') !== '')).toEqual([]);
  });

  async function run(script: string, count: number): Promise<{ id: string; entries: Entry[] }> {
    const identifier = `gantry-test-${newId().slice(0, 8)}`;
    const id = await pod.run({ args: ['sh', '-c', script], log: { kind: 'journald', identifier } });
    await pod.exitOf(id, 120_000);
    const entries = await eventually(
      () => entriesOf(identifier),
      ({ length }) => length >= count,
      120,
    );
    return { id, entries };
  }
});

function entriesOf(identifier: string): Entry[] {
  const text = journal('--all', '-o', 'json', '-t', identifier).trim();
  if (text === '') return [];
  return text.split('\n').map((line) => {
    const { MESSAGE, PRIORITY, GANTRY_APP, CONTAINER_PARTIAL_MESSAGE } = JSON.parse(line) as Entry;
    return {
      MESSAGE,
      PRIORITY,
      GANTRY_APP,
      ...(CONTAINER_PARTIAL_MESSAGE === undefined ? {} : { CONTAINER_PARTIAL_MESSAGE }),
    };
  });
}

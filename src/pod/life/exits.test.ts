import { describe, expect, it } from 'vitest';
import { exitReason, lostExit } from './exits.ts';

describe('the account of an end', () => {
  it.each([
    [0, false, 'Completed'],
    [1, false, 'Error'],
    [137, true, 'OOMKilled'],
    [0, true, 'OOMKilled'],
  ])('%d, oom %s: %s', (code, oom, reason) => {
    expect(exitReason(code, oom)).toBe(reason);
  });

  const base = { sequence: 1n, signal: 0, pid: 9, createdAt: 1n, startedAt: 5n, restarts: 0, final: true };
  const record = { ...base, startTicks: 0n, bootId: 'b', finishedAt: 7n, exitCode: 3, oomKilled: false };
  const running = { kind: 'running', startedAt: 4n, pid: 9 } as const;

  it('a record that says how it ended is believed', () => {
    expect(lostExit(running, { ...record, phase: 'EXITED' }, 99n, 'why')).toEqual({
      startedAt: 5n,
      finishedAt: 7n,
      exitCode: 3,
      reason: 'Error',
      message: '',
    });
  });

  it.each([
    ['without a record', undefined, 4n],
    ['with one that says it was running', { ...record, phase: 'RUNNING' as const }, 5n],
  ])('%s its end is unknown', (_what, known, startedAt) => {
    expect(lostExit(running, known, 99n, 'why')).toEqual({
      startedAt,
      finishedAt: 99n,
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'why',
    });
  });
});

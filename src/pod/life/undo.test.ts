import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Undo, undoing } from './undo.ts';

const quiet = pino({ level: 'silent' });

describe('the undo stack', () => {
  it('runs in reverse and survives a step that fails', async () => {
    const done: string[] = [];
    const undo = new Undo(quiet);
    undo.add('first', () => void done.push('first'));
    undo.add('second', () => Promise.reject(new Error('no')));
    undo.add('third', () => void done.push('third'));
    expect(await undo.run()).toEqual(['second']);
    expect(done).toEqual(['third', 'first']);
  });

  it('gives up on a step that hangs, and goes on', async () => {
    const done: string[] = [];
    const undo = new Undo(quiet, 20);
    undo.add('first', () => void done.push('first'));
    undo.add('hangs', () => new Promise<void>(() => {}));
    expect(await undo.run()).toEqual(['hangs']);
    expect(done).toEqual(['first']);
  });

  it('a step that throws at once is no different', async () => {
    const undo = new Undo(quiet);
    undo.add('throws', () => {
      throw new Error('at once');
    });
    expect(await undo.run()).toEqual(['throws']);
  });

  it('runs each step once', async () => {
    let runs = 0;
    const undo = new Undo(quiet);
    undo.add('count', () => void runs++);
    await undo.run();
    await undo.run();
    expect(runs).toBe(1);
  });

  it('is forgotten when the work succeeds, run when it fails, and the failure comes through', async () => {
    const done: string[] = [];
    const work = (fail: boolean): Promise<string> =>
      undoing(quiet, async (undo) => {
        undo.add('undone', () => void done.push('undone'));
        if (fail) throw new Error('failed');
        return 'made';
      });
    expect(await work(false)).toBe('made');
    expect(done).toEqual([]);
    await expect(work(true)).rejects.toThrow('failed');
    expect(done).toEqual(['undone']);
  });
});

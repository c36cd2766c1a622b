import { describe, expect, it } from 'vitest';
import { GantryError } from '../../base/index.ts';
import { Names } from './names.ts';

const forever = new AbortController().signal;

function maker(): { make: () => Promise<string>; calls: () => number; settle: PromiseWithResolvers<string> } {
  const settle = Promise.withResolvers<string>();
  let calls = 0;
  return {
    make: () => {
      calls++;
      return settle.promise;
    },
    calls: () => calls,
    settle,
  };
}

describe('names', () => {
  it('a second call joins the first and gets the same ID', async () => {
    const names = new Names('sandbox');
    const { make, calls, settle } = maker();
    const both = [names.join('n', { a: 1 }, make, forever), names.join('n', { a: 1 }, make, forever)];
    settle.resolve('id');
    expect(await Promise.all(both)).toEqual(['id', 'id']);
    expect(calls()).toBe(1);
  });

  it('a caller that gives up leaves the making to its retry', async () => {
    const names = new Names('sandbox');
    const { make, calls, settle } = maker();
    const caller = new AbortController();
    const first = names.join('n', {}, make, caller.signal);
    caller.abort(new GantryError({ code: 'deadline-exceeded', operation: 'x', message: 'late' }));
    await expect(first).rejects.toMatchObject({ code: 'deadline-exceeded' });
    const retry = names.join('n', {}, make, forever);
    settle.resolve('id');
    expect(await retry).toBe('id');
    expect(calls()).toBe(1);
  });

  it('is free at once when the attempt fails, and both callers hear why', async () => {
    const names = new Names('container');
    const { make, settle } = maker();
    const both = [names.join('n', {}, make, forever), names.join('n', {}, make, forever)];
    settle.reject(new Error('no room'));
    for (const call of both) await expect(call).rejects.toThrow('no room');
    expect(await names.join('n', {}, async () => 'second', forever)).toBe('second');
  });

  it('a failure that nobody waits for any more harms nobody', async () => {
    const names = new Names('container');
    const { make, settle } = maker();
    await expect(names.join('n', {}, make, AbortSignal.abort())).rejects.toThrow('still being created');
    settle.reject(new Error('unheard'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await names.join('n', {}, async () => 'next', forever)).toBe('next');
  });

  it('another configuration under a name in the making is refused', async () => {
    const names = new Names('sandbox');
    const { make, settle } = maker();
    const first = names.join('n', { image: 'a' }, make, forever);
    await expect(names.join('n', { image: 'b' }, make, forever)).rejects.toMatchObject({
      code: 'already-exists',
    });
    settle.resolve('id');
    await first;
  });

  it('different names do not wait for each other', async () => {
    const names = new Names('sandbox');
    const slow = maker();
    const first = names.join('slow', {}, slow.make, forever);
    expect(await names.join('quick', {}, async () => 'quick', forever)).toBe('quick');
    slow.settle.resolve('slow');
    expect(await first).toBe('slow');
  });
});

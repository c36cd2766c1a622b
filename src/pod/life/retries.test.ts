import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Retries } from './retries.ts';

const quiet = pino({ level: 'silent' });

describe('retries', () => {
  it('go on until the attempt succeeds, and are forgotten then', async () => {
    const retries = new Retries(quiet, new AbortController().signal, 60);
    let attempts = 0;
    const done = retries.until('a', async () => {
      attempts++;
      if (attempts < 4) throw new Error('not yet');
    });
    expect(retries.keys).toEqual(['a']);
    await done;
    expect([attempts, retries.keys]).toEqual([4, []]);
  });

  it('are one per key: a second call joins the first', async () => {
    const retries = new Retries(quiet, new AbortController().signal);
    const ran: string[] = [];
    await Promise.all([
      retries.until('a', async () => void ran.push('first')),
      retries.until('a', async () => void ran.push('second')),
      retries.until('b', async () => void ran.push('other')),
    ]);
    expect(ran.sort()).toEqual(['first', 'other']);
  });

  it('end with the server, and leave nothing waiting', async () => {
    const closing = new AbortController();
    const retries = new Retries(quiet, closing.signal);
    const done = retries.until('a', () => Promise.reject(new Error('never')));
    closing.abort();
    await done;
    expect(retries.keys).toEqual([]);
  });
});

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { TerminalSize } from '../types.ts';
import { parseSize, readSizes } from './resize.ts';
import { statusJson, statusText } from './status.ts';

describe('terminal sizes', () => {
  it.each([
    ['{"Width":80,"Height":24}', { rows: 24, columns: 80 }],
    ['{"Width":0,"Height":24}', undefined],
    ['{"Width":70000,"Height":24}', undefined],
    ['{"Height":24}', undefined],
    ['nonsense', undefined],
  ])('%s', (text, size) => {
    expect(parseSize(text)).toEqual(size);
  });

  it('are found however they are cut', async () => {
    const stream = new PassThrough();
    const sizes: TerminalSize[] = [];
    const reading = readSizes(stream, (size) => sizes.push(size));
    for (const part of ['{"Width":8', '0,"Height":24}{"Wid', 'th":81,"Height":25}\n']) stream.write(part);
    stream.end();
    await reading;
    expect(sizes).toEqual([
      { rows: 24, columns: 80 },
      { rows: 25, columns: 81 },
    ]);
  });
});

describe('outcomes', () => {
  it('are a Status from v4 on', () => {
    expect(JSON.parse(statusJson({ kind: 'exited', code: 0 }))).toEqual({ metadata: {}, status: 'Success' });
    expect(JSON.parse(statusJson({ kind: 'failed', error: new Error('gone') }))).toMatchObject({
      reason: 'InternalError',
    });
  });
  it('are nothing or a sentence before', () => {
    expect(statusText({ kind: 'exited', code: 0 })).toBe('');
    expect(statusText({ kind: 'exited', code: 3 })).toContain('exit status 3');
  });
});

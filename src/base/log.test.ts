import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { LineWriter } from './line-writer.ts';
import { withPriority } from './log.ts';

it.each([
  [20, 7],
  [30, 6],
  [40, 4],
  [50, 3],
  [60, 2],
])('level %i is the journal’s priority %i', (level, priority) => {
  const line = `{"level":${level},"msg":"x"}\n`;
  expect(withPriority(line)).toBe(`<${priority}>${line}`);
});

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

it('throws at nobody when its disk is full', () => {
  const index = fileURLToPath(new URL('./index.ts', import.meta.url));
  const script = `import { log } from ${JSON.stringify(index)}; log.info('lost'); process.stdout.write('went on');`;
  const full = openSync('/dev/full', 'w');
  try {
    const arguments_ = ['--input-type=module-typescript', '--eval', script];
    const said = execFileSync(process.execPath, arguments_, { stdio: ['ignore', 'pipe', full] });
    expect(`${said}`).toBe('went on');
  } finally {
    closeSync(full);
  }
});

it('says how many lines were lost once it can write again, and writes the rest of what was written in part', () => {
  let written = '';
  let full = true;
  const writer = new LineWriter((bytes) => {
    if (full) throw failure('ENOSPC');
    const part = bytes.subarray(0, 7);
    written += part;
    return part.length;
  });
  for (const line of ['one\n', 'two\n']) writer.write(line);
  full = false;
  for (const line of ['three\n', 'four\n']) writer.write(line);
  const [loss = '', ...rest] = written.trim().split('\n');
  expect(JSON.parse(loss)).toMatchObject({ level: 40, lost: 2 });
  expect(rest).toEqual(['three', 'four']);
});

it('waits a moment for a pipe that is full, once, and not for one that stays so', () => {
  let written = '';
  let refusals = 2;
  const writer = new LineWriter((bytes) => {
    if (refusals-- > 0) throw failure('EAGAIN');
    written += bytes;
    return bytes.length;
  });
  writer.write('late\n');
  expect(written).toBe('late\n');
  refusals = Number.POSITIVE_INFINITY;
  const began = performance.now();
  for (let i = 0; i < 50; i += 1) writer.write('lost\n');
  expect(performance.now() - began).toBeLessThan(2000);
});

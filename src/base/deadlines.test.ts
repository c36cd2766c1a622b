import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { inTime } from './deadlines.ts';

const file = fileURLToPath(new URL('./deadlines.ts', import.meta.url));

function load(list: string): string {
  const script = `import('${file}').then(({ deadlines }) => console.log(deadlines.hostPath, deadlines.launch), (e) => console.log(e.message))`;
  const env = { ...process.env, GANTRY_DEADLINES: list };
  return spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }).stdout.trim();
}

it('is changed by the environment, and only where that makes sense', () => {
  expect(load('')).toBe('20000 30000');
  expect(load('hostPath=7,launch=9')).toBe('7 9');
  expect(load('hostpath=7')).toMatch(/^GANTRY_DEADLINES: "hostpath=7" is not NAME=MILLISECONDS/);
  expect(load('hostPath=soon')).toMatch(/^GANTRY_DEADLINES: "hostPath=soon"/);
});

it('gives what the work gives, or the error of being late, and no unhandled rejection afterwards', async () => {
  const late = (ms: number): Error => new Error(`late by ${ms}`);
  await expect(inTime('undo', Promise.resolve(3), late)).resolves.toBe(3);
  await expect(inTime('undo', Promise.reject(new Error('no')), late)).rejects.toThrow('no');
  let fail: (error: Error) => void = () => undefined;
  const slow = new Promise<void>((_resolve, reject) => {
    fail = reject;
  });
  await expect(inTime('undo', slow, late, 5)).rejects.toThrow('late by 5');
  fail(new Error('nobody listens'));
  await new Promise((resolve) => setTimeout(resolve, 5));
});

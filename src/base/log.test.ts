import { expect, it } from 'vitest';
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

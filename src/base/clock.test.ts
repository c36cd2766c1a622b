import { afterEach, expect, it, vi } from 'vitest';
import { nowNanoseconds } from './clock.ts';

afterEach(() => vi.restoreAllMocks());

const milliseconds = (): number => Number(nowNanoseconds() / 1_000_000n);

it('never gives one value twice, and never an earlier one', () => {
  let before = nowNanoseconds();
  for (let i = 0; i < 1000; i++) {
    const now = nowNanoseconds();
    expect(now > before).toBe(true);
    before = now;
  }
});

it.each([3_600_000, -3_600_000])('follows a wall clock that is set by %d ms, and back', (step) => {
  const wall = Date.now();
  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + step);
  expect(Math.abs(milliseconds() - wall - step)).toBeLessThan(60_000);
  vi.restoreAllMocks();
  expect(Math.abs(milliseconds() - wall)).toBeLessThan(60_000);
});

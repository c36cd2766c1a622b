/** How far the wall clock and this process's idea of it may drift apart before the clock counts as set, milliseconds. */
const STEP = 20;

/** Of the wall clock at `performance.now()` 0, milliseconds since the epoch. */
let origin = performance.timeOrigin;
let last = 0n;

/**
 * Nanoseconds since the epoch, as CRI wants its times. Follows the wall clock when that is set; between two settings it never
 * goes back and never gives one value twice, so that an end is not before its start.
 */
export function nowNanoseconds(): bigint {
  const elapsed = performance.now();
  const wall = Date.now();
  if (Math.abs(origin + elapsed - wall) > STEP) {
    origin = wall - elapsed;
    last = 0n;
  }
  const now = BigInt(Math.round((origin + elapsed) * 1e6));
  last = now > last ? now : last + 1n;
  return last;
}

/** Nanoseconds since the epoch, as CRI wants its times. Monotonic within a process, so that an end is never before its start. */
let last = 0n;

export function nowNanoseconds(): bigint {
  const wall = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
  last = wall > last ? wall : last + 1n;
  return last;
}

/**
 * V8 collects garbage when it needs room, not when a burst of work is over, and keeps the pages that it has emptied: without
 * this a server that has done much holds twice what it uses. `bin/gantry` starts Node with --expose-gc for it.
 */

/** Milliseconds between two looks. */
const interval = 5000;
/** Share of a processor: beyond it the server is at work, and V8 collects often enough by itself. */
const busy = 0.1;
/**
 * Bytes of resident memory. Below, a collection is not worth it: this kind of it takes some 50 ms, and throws away compiled
 * code that has to be warm again.
 */
const most = 135 * 1024 * 1024;
/** Bytes more than after the last one. */
const growth = 16 * 1024 * 1024;

type Collect = (options: { type: 'major'; flavor: 'last-resort'; execution: 'sync' }) => void;

/** Collects garbage whenever the server has grown and is idle again. Gives the function that ends it. */
export function keepHouse(): () => void {
  const collect = (globalThis as { gc?: Collect }).gc;
  if (collect === undefined) return () => undefined;
  let limit = most;
  let cpu = process.cpuUsage();
  let at = performance.now();
  const timer = setInterval(() => {
    const used = process.cpuUsage(cpu);
    const now = performance.now();
    const share = (used.user + used.system) / 1000 / (now - at);
    cpu = process.cpuUsage();
    at = now;
    if (share > busy || process.memoryUsage.rss() < limit) return;
    collect({ type: 'major', flavor: 'last-resort', execution: 'sync' });
    limit = Math.max(most, process.memoryUsage.rss() + growth);
  }, interval);
  timer.unref();
  return () => clearInterval(timer);
}

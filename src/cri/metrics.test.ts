import { afterEach, expect, it, vi } from 'vitest';
import { inTime } from '../base/index.ts';
import { Metrics, type MetricsServer, serveMetrics } from './metrics.ts';

let server: MetricsServer | undefined;
let metrics: Metrics | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
  metrics?.close();
  metrics = undefined;
});

it('counts calls by name and code, and says what the server is', async () => {
  metrics = new Metrics(() => ({ pods: 3 }));
  metrics.observe('Version', 'OK', 0.5);
  metrics.observe('Version', 'OK', 0.25);
  metrics.observe('Status', 'INTERNAL', 1);
  server = await serveMetrics('127.0.0.1:0', metrics);
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  expect(text).toContain('gantry_rpc_seconds_count{rpc="Version",code="OK"} 2\n');
  expect(text).toContain('gantry_rpc_seconds_sum{rpc="Version",code="OK"} 0.75\n');
  expect(text).toContain('gantry_rpc_seconds_bucket{le="0.25",rpc="Version",code="OK"} 1\n');
  expect(text).toContain('gantry_rpc_seconds_count{rpc="Status",code="INTERNAL"} 1\n');
  expect(text).toContain('gantry_pods 3\n');
  expect(text).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m);
  for (const line of text.split('\n').filter((each) => each !== ''))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [\d.e+-]+)$/);
  expect((await fetch(`http://127.0.0.1:${server.port}/else`)).status).toBe(404);
});

it('measures the waits that have a deadline, and how late the one thread is', async () => {
  metrics = new Metrics(() => ({}));
  await inTime('hostPath', Promise.resolve(), () => new Error('late'));
  await expect(inTime('hostPath', new Promise(() => undefined), () => new Error('late'), 5)).rejects.toThrow(
    'late',
  );
  await expect(inTime('launch', Promise.reject(new Error('no')), () => new Error('late'))).rejects.toThrow(
    'no',
  );
  const busyUntil = performance.now() + 600;
  while (performance.now() < busyUntil);
  await vi.waitFor(async () => {
    const lag = /^gantry_loop_lag_seconds_sum (.*)$/m.exec((await metrics?.text()) ?? '')?.[1];
    expect(Number(lag)).toBeGreaterThan(0.2);
  });
  const text = await metrics.text();
  expect(text).toContain('gantry_wait_seconds_count{wait="hostPath",outcome="done"} 1\n');
  expect(text).toContain('gantry_wait_seconds_count{wait="hostPath",outcome="late"} 1\n');
  expect(text).toContain('gantry_wait_seconds_count{wait="launch",outcome="failed"} 1\n');
});

it('listens on IPv6 too, and says what is wrong with an address', async () => {
  metrics = new Metrics(() => ({}));
  server = await serveMetrics('[::1]:0', metrics);
  expect((await fetch(`http://[::1]:${server.port}/metrics`)).status).toBe(200);
  await expect(serveMetrics('9090', metrics)).rejects.toThrow("metrics address '9090' is not HOST:PORT");
  await expect(serveMetrics(`[::1]:${server.port}`, metrics)).rejects.toThrow('EADDRINUSE');
});

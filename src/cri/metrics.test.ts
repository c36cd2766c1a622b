import { afterEach, expect, it } from 'vitest';
import { Metrics, type MetricsServer, serveMetrics } from './metrics.ts';

let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

it('counts calls by name and code, and says what the server is', async () => {
  const metrics = new Metrics(() => ({ pods: 3 }));
  metrics.observe('Version', 'OK', 0.5);
  metrics.observe('Version', 'OK', 0.25);
  metrics.observe('Status', 'INTERNAL', 1);
  server = await serveMetrics('127.0.0.1:0', metrics);
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  expect(text).toContain('gantry_rpc_total{rpc="Version",code="OK"} 2\n');
  expect(text).toContain('gantry_rpc_seconds_total{rpc="Version",code="OK"} 0.75\n');
  expect(text).toContain('gantry_rpc_total{rpc="Status",code="INTERNAL"} 1\n');
  expect(text).toContain('gantry_pods 3\n');
  expect(text).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m);
  for (const line of text.trim().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [\d.e+-]+)$/);
  expect((await fetch(`http://127.0.0.1:${server.port}/else`)).status).toBe(404);
});

it('listens on IPv6 too, and says what is wrong with an address', async () => {
  const metrics = new Metrics(() => ({}));
  server = await serveMetrics('[::1]:0', metrics);
  expect((await fetch(`http://[::1]:${server.port}/metrics`)).status).toBe(200);
  await expect(serveMetrics('9090', metrics)).rejects.toThrow("metrics address '9090' is not HOST:PORT");
  await expect(serveMetrics(`[::1]:${server.port}`, metrics)).rejects.toThrow('EADDRINUSE');
});

import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeError, GantryError, version } from '../base/index.ts';
import type { RpcObserver } from './wrapper.ts';

interface Calls {
  count: number;
  seconds: number;
}

/** Counters of this server, as Prometheus reads them (text format 0.0.4). */
export class Metrics {
  readonly #calls = new Map<string, Calls>();
  readonly #gauges: () => Readonly<Record<string, number>>;

  /** @param gauges what is counted only when somebody asks: name without `gantry_` → value */
  constructor(gauges: () => Readonly<Record<string, number>>) {
    this.#gauges = gauges;
  }

  readonly observe: RpcObserver = (rpc, code, seconds) => {
    const key = `rpc="${rpc}",code="${code}"`;
    const calls = this.#calls.get(key) ?? { count: 0, seconds: 0 };
    this.#calls.set(key, { count: calls.count + 1, seconds: calls.seconds + seconds });
  };

  text(): string {
    const { user, system } = process.cpuUsage();
    const calls = [...this.#calls];
    return [
      ...family('gantry_build_info', 'gauge', 'The release, as a label.', [[`version="${version}"`, 1]]),
      ...family(
        'gantry_rpc_total',
        'counter',
        'Calls that have ended.',
        calls.map(([key, c]) => [key, c.count]),
      ),
      ...family(
        'gantry_rpc_seconds_total',
        'counter',
        'Time spent in them.',
        calls.map(([key, c]) => [key, c.seconds]),
      ),
      ...Object.entries(this.#gauges()).flatMap(([name, value]) =>
        family(`gantry_${name}`, 'gauge', 'Right now.', [['', value]]),
      ),
      ...family('process_resident_memory_bytes', 'gauge', 'Of the server itself.', [
        ['', process.memoryUsage.rss()],
      ]),
      ...family('process_cpu_seconds_total', 'counter', 'User and system time.', [
        ['', (user + system) / 1e6],
      ]),
      ...family('process_open_fds', 'gauge', 'Open descriptors.', [
        ['', readdirSync('/proc/self/fd').length],
      ]),
      ...family('process_start_time_seconds', 'gauge', 'Since the epoch.', [
        ['', performance.timeOrigin / 1000],
      ]),
      '',
    ].join('\n');
  }
}

function family(
  name: string,
  type: string,
  help: string,
  samples: readonly (readonly [string, number])[],
): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`),
  ];
}

/** A server that answers `GET /metrics`. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Errors: invalid-argument for what is no HOST:PORT; failed-precondition when the port is taken. */
export async function serveMetrics(address: string, metrics: Metrics): Promise<MetricsServer> {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (match === null)
    throw failure('invalid-argument', address, `metrics address '${address}' is not HOST:PORT`);
  const [, v6, name, port] = match;
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/metrics';
    response.writeHead(known ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(known ? metrics.text() : 'only GET /metrics is here\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        failure(
          'failed-precondition',
          address,
          `metrics cannot be served on ${address}: ${describeError(cause)}`,
        ),
      ),
    );
    server.listen(Number(port), v6 ?? (name === '' ? undefined : name), resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function failure(
  code: 'invalid-argument' | 'failed-precondition',
  subject: string,
  message: string,
): GantryError {
  return new GantryError({ code, operation: 'serve metrics', subject, message });
}

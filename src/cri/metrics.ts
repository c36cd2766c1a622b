import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gauge, Histogram, Registry } from 'prom-client';
import { describeError, GantryError, observeWaits, version } from '../base/index.ts';
import { hostAndPort } from '../config/index.ts';
import { processMetrics } from './process-metrics.ts';
import type { RpcObserver } from './wrapper.ts';

/** Seconds: from a status in memory to a pull of gigabytes. */
const rpcBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240];
const waitBuckets = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 240];
const lagBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10];

/** Milliseconds between two looks at the event loop's lag. */
const lagInterval = 250;

type Observe = (seconds: number) => void;

/** What this server measures of itself, as Prometheus reads it. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #calls: Histogram<'rpc' | 'code'>;
  readonly #waits: Histogram<'wait' | 'outcome'>;
  /** prom-client looks a label set up each time; these have been. */
  readonly #observers = new Map<string, Observe>();
  readonly #lag: NodeJS.Timeout;

  /** @param gauges what is counted only when somebody asks: name without `gantry_` → value */
  constructor(gauges: () => Readonly<Record<string, number>>) {
    const registers = [this.#registry];
    const info = { name: 'gantry_build_info', help: 'The release, as a label.', registers };
    new Gauge({ ...info, labelNames: ['version'] }).set({ version }, 1);
    this.#calls = new Histogram({
      name: 'gantry_rpc_seconds',
      help: 'How long calls took, by their result.',
      labelNames: ['rpc', 'code'],
      buckets: rpcBuckets,
      registers,
    });
    this.#waits = new Histogram({
      name: 'gantry_wait_seconds',
      help: 'How long the server waited for something with a deadline, and whether it came (done), failed, or was late.',
      labelNames: ['wait', 'outcome'],
      buckets: waitBuckets,
      registers,
    });
    const lag = new Histogram({
      name: 'gantry_loop_lag_seconds',
      help: 'How late a timer of the one JavaScript thread was.',
      buckets: lagBuckets,
      registers,
    });
    this.#lag = watchLag((seconds) => lag.observe(seconds));
    observeGauges(gauges, registers);
    processMetrics(registers);
    observeWaits((wait, outcome, seconds) =>
      this.#observer(`${wait} ${outcome}`, () => this.#waits.labels(wait, outcome))(seconds),
    );
  }

  readonly observe: RpcObserver = (rpc, code, seconds) =>
    this.#observer(`rpc ${rpc} ${code}`, () => this.#calls.labels(rpc, code))(seconds);

  /** Text format 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  close(): void {
    clearInterval(this.#lag);
    observeWaits(() => undefined);
  }

  #observer(key: string, make: () => { observe: Observe }): Observe {
    let known = this.#observers.get(key);
    if (known === undefined) {
      const made = make();
      known = (seconds) => made.observe(seconds);
      this.#observers.set(key, known);
    }
    return known;
  }
}

function observeGauges(gauges: () => Readonly<Record<string, number>>, registers: Registry[]): void {
  for (const name of Object.keys(gauges())) {
    const gauge: Gauge = new Gauge({
      name: `gantry_${name}`,
      help: 'Right now.',
      registers,
      collect: () => gauge.set(gauges()[name] ?? 0),
    });
  }
}

/** A timer that should come every so often: what it is late by, whatever else ran has taken. */
function watchLag(observe: Observe): NodeJS.Timeout {
  let expected = performance.now() + lagInterval;
  return setInterval(() => {
    const now = performance.now();
    observe(Math.max(0, now - expected) / 1000);
    expected = now + lagInterval;
  }, lagInterval).unref();
}

/** A server that answers `GET /metrics`. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Errors: invalid-argument for what is no HOST:PORT; failed-precondition when the port is taken. */
export async function serveMetrics(address: string, metrics: Metrics): Promise<MetricsServer> {
  const match = hostAndPort.exec(address);
  if (match === null)
    throw failure('invalid-argument', address, `metrics address '${address}' is not HOST:PORT`);
  const [, v6, name, port] = match;
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/metrics';
    const text = known ? metrics.text() : Promise.resolve('only GET /metrics is here\n');
    text.then(
      (body) => {
        response.writeHead(known ? 200 : 404, { 'content-type': metrics.contentType });
        response.end(body);
      },
      (error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(`${describeError(error)}\n`);
      },
    );
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

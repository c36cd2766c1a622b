/**
 * A host for tests: this program runs in a network namespace of its own, holds one PodNetwork and does what its parent
 * asks over the IPC channel. What a host's kernel state is (bridge, rules, sysctls) is that namespace's.
 */
import { createConnection, createServer } from 'node:net';
import { log, native, setLogLevel } from '../../base/index.ts';
import { createPodNetwork, type NetworkConfig, type NetworkRecord, type NetworkRequest } from '../index.ts';

setLogLevel('silent');
const config = JSON.parse(process.argv[2] ?? '{}') as NetworkConfig;
const network = createPodNetwork(config, { log });
let announced: NetworkRecord | undefined;

const calls: Readonly<Record<string, (...args: never[]) => unknown>> = {
  setUp: (request: NetworkRequest, timeout = 30_000) => {
    announced = undefined;
    return network.setUp(request, (record) => (announced = record), AbortSignal.timeout(timeout));
  },
  /** Dies by SIGKILL as soon as the record is announced, or some time after it. */
  setUpAndDie: (request: NetworkRequest, delay: number) =>
    network.setUp(
      request,
      (record) => {
        process.send?.({ announced: record });
        if (delay === 0) process.kill(process.pid, 'SIGKILL');
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), delay);
      },
      AbortSignal.timeout(30_000),
    ),
  announced: () => announced,
  tearDown: (record: NetworkRecord) => network.tearDown(record),
  status: () => network.status(),
  collectGarbage: (live: NetworkRecord[]) => network.collectGarbage(live),
  close: () => network.close(),
  setPodCidr: (cidr: string) => network.setPodCidr(cidr),
  netnsCreate: (path: string) => native().netnsCreate(path),
  netnsRemove: (path: string) => native().netnsRemove(path),
  nft: (commands: string) => native().nft(commands),
  link: (name: string) => native().linkFind(name),
  /** Connects from the host itself and returns what the other side says. */
  ask: (host: string, port: number) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = createConnection({ host, port, timeout: 1500 });
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.on('end', () => resolve(text));
    socket.on('timeout', () => socket.destroy(new Error('ETIMEDOUT')));
    socket.on('error', (error) => resolve(`error ${error.message}`));
    return promise;
  },
  listen: (port: number, host: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    createServer((socket) => socket.end(`host saw ${socket.remoteAddress}`)).listen(port, host, () =>
      resolve(),
    );
    return promise;
  },
};

process.on('message', async ({ id, method, args }: { id: number; method: string; args: never[] }) => {
  try {
    process.send?.({ id, value: await calls[method]?.(...args) });
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    process.send?.({ id, error: { message, code } });
  }
});
process.on('disconnect', () => process.exit(0));

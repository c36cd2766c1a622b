import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from '../base/index.ts';
import { imageService, runtimeService } from '../cri-types/index.ts';
import type { Call } from './context.ts';
import { prepareSocket, socketPath } from './socket.ts';
import {
  type RpcObserver,
  type StreamFunction,
  type UnaryFunction,
  wrapStream,
  wrapUnary,
} from './wrapper.ts';

/** What the kubelet and crictl allow each other. What is sent is for the client to limit. */
const maximumRequest = 16 * 1024 * 1024;

/** A function for each RPC of a service, with its services already given to it. */
export type Handlers = Readonly<Record<string, (request: never, call: Call) => unknown>>;

export interface CriServerOptions {
  /** An address, or the descriptor of a unix socket that listens already (the service manager's). */
  readonly listen: string | number;
  readonly log: Logger;
  readonly observe: RpcObserver;
  readonly runtime: Handlers;
  readonly image: Handlers;
}

/** A server that listens. */
export interface CriServer {
  /**
   * Takes no new calls, ends streams, waits up to `grace` milliseconds for the others, then cancels them. Pods are none
   * of its business. Idempotent.
   */
  close(grace: number): Promise<void>;
}

/** Listens on a unix socket that only root may open; on a descriptor's as it is. Errors: those of `prepareSocket`. */
export async function listen(options: CriServerOptions): Promise<CriServer> {
  const unaryShutdown = new AbortController();
  const streamShutdown = new AbortController();
  const server = new Server({
    'grpc.max_receive_message_length': maximumRequest,
    'grpc.max_send_message_length': -1,
    // Its books of every call cost each call, and nobody reads them: there is no channelz service here.
    'grpc.enable_channelz': 0,
  });
  for (const [name, methods, handlers] of [
    ['RuntimeService', runtimeService, options.runtime],
    ['ImageService', imageService, options.image],
  ] as const) {
    addService(server, name, methods, handlers, (stream) => ({
      log: options.log,
      observe: options.observe,
      shutdown: (stream ? streamShutdown : unaryShutdown).signal,
    }));
  }
  const stopListening = await bind(server, options.listen);
  return {
    async close(grace) {
      stopListening();
      streamShutdown.abort();
      const done = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const timer = setTimeout(() => unaryShutdown.abort(), grace);
      // A call that does not heed its signal must not keep the process.
      const force = setTimeout(() => server.forceShutdown(), grace + 1000);
      await done.finally(() => {
        clearTimeout(timer);
        clearTimeout(force);
      });
    },
  };
}

type Methods = Readonly<
  Record<
    string,
    (typeof runtimeService)[keyof typeof runtimeService] | (typeof imageService)[keyof typeof imageService]
  >
>;

function addService(
  server: Server,
  service: string,
  methods: Methods,
  handlers: Handlers,
  contextFor: (stream: boolean) => Parameters<typeof wrapUnary>[2],
): void {
  const same = (bytes: Buffer): Buffer => bytes;
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [name, { request, response, stream }] of Object.entries(methods)) {
    definition[name] = {
      path: `/runtime.v1.${service}/${name}`,
      requestStream: false,
      responseStream: stream,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const run = handlers[name];
    // No entry: grpc-js itself answers UNIMPLEMENTED.
    if (run === undefined) continue;
    const method = { name, request, response };
    implementation[name] = stream
      ? wrapStream(method, run as StreamFunction, contextFor(true))
      : wrapUnary(method, run as UnaryFunction, contextFor(false));
  }
  server.addService(definition, implementation);
}

/** What it returns ends what the gRPC server does not end by itself. */
async function bind(server: Server, listen: string | number): Promise<() => void> {
  if (typeof listen === 'number') return await accept(server, listen);
  const path = socketPath(listen);
  await prepareSocket(path);
  await bindPath(server, path);
  return () => undefined;
}

/** The socket stays the service manager's: clients that come while no server runs wait in there. */
async function accept(server: Server, fd: number): Promise<() => void> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer((socket) => injector.injectConnection(socket));
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ fd }, resolve);
  });
  return () => listener.close();
}

/** The socket is never open to others, not even between bind and chmod. */
async function bindPath(server: Server, path: string): Promise<void> {
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  } finally {
    process.umask(umask);
  }
  chmodSync(path, 0o600);
}

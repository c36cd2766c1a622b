import { chmodSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
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
  const listener = await accept(server, options.listen);
  return {
    async close(grace) {
      streamShutdown.abort();
      const timer = setTimeout(() => unaryShutdown.abort(), grace);
      // A call that does not heed its signal must not keep the process, nor a client that does not read.
      const force = setTimeout(() => listener.cutOff(), grace + 1000);
      await listener.end().finally(() => {
        clearTimeout(timer);
        clearTimeout(force);
      });
      server.forceShutdown();
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

interface Listener {
  /**
   * Takes no more connections, and resolves when there are none: each ends with its last call. A socket of our own goes; a service
   * manager's stays, and who comes meanwhile waits in there.
   */
  end(): Promise<void>;
  /** Ends the connections, whatever they are waiting for. */
  cutOff(): void;
}

/**
 * Accepts the gRPC server's connections for it. Left to itself it waits for each client to close its end, and one that is frozen would
 * keep the server from ending. Errors: those of `prepareSocket`.
 */
async function accept(server: Server, listen: string | number): Promise<Listener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // This end has said all that it had to say.
    socket.once('finish', () => socket.destroy());
    injector.injectConnection(socket);
  });
  if (typeof listen === 'number') await bind(listener, { fd: listen });
  else await bindPath(listener, socketPath(listen));
  return {
    async end() {
      const ended = new Promise<void>((resolve) => listener.close(() => resolve()));
      injector.destroy();
      await ended;
    },
    cutOff() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function bind(
  listener: NetServer,
  where: { readonly path: string } | { readonly fd: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(where, resolve);
  });
}

/** The socket is never open to others, not even between bind and chmod. */
async function bindPath(listener: NetServer, path: string): Promise<void> {
  await prepareSocket(path);
  const umask = process.umask(0o177);
  try {
    await bind(listener, { path });
  } finally {
    process.umask(umask);
  }
  chmodSync(path, 0o600);
}

import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { imageService, MessageInits, Messages, runtimeService } from '../src/cri-types/index.ts';

type Methods = typeof runtimeService & typeof imageService;
type Method = keyof Methods;
type Request<M extends Method> = MessageInits[Methods[M]['request']];
type Response<M extends Method> = Messages[Methods[M]['response']];

const source = fileURLToPath(new URL('../proto/cri/api.proto', import.meta.url));
const asObject = { defaults: true, enums: String, longs: BigInt } as const;

/** What the server answered instead of a result: `code` is gRPC's number, `details` the server's message. */
export type CriError = grpc.ServiceError;

/**
 * A small CRI client, for the quickstart and the tests: gRPC over a unix socket, messages by reflection on the `.proto`
 * file, so that it shares no code with the server that it talks to (types apart).
 */
export class CriClient {
  readonly #client: grpc.Client;
  readonly #methods: ReadonlyMap<string, protobuf.Method>;

  /** `socket` is a path. Nothing is opened before the first call. */
  constructor(socket: string) {
    this.#client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': 16 << 20,
      // A server that was killed comes back within the tests: look for it at once.
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 200,
    });
    const root = protobuf.loadSync(source);
    root.resolveAll();
    const services = ['RuntimeService', 'ImageService'].map((name) =>
      root.lookupService(`runtime.v1.${name}`),
    );
    this.#methods = new Map(
      services.flatMap((service) => service.methodsArray.map((m) => [m.name, m] as const)),
    );
  }

  /** One call; rejects with a CriError. `timeout` is in milliseconds, 30 s where absent. */
  async call<M extends Method>(method: M, request: Request<M>, timeout = 30_000): Promise<Response<M>> {
    const { path, encode, decode } = this.#wire(method);
    return await new Promise<Response<M>>((resolve, reject) => {
      const options = { deadline: Date.now() + timeout };
      this.#client.makeUnaryRequest(path, encode, decode, request, options, (error, response) => {
        if (error !== null) reject(error);
        else resolve(response as Response<M>);
      });
    });
  }

  /** The messages of a server's stream, until it ends or the caller leaves the loop. */
  async *stream<M extends Method>(method: M, request: Request<M>): AsyncGenerator<Response<M>> {
    const { path, encode, decode } = this.#wire(method);
    const call = this.#client.makeServerStreamRequest(path, encode, decode, request);
    try {
      for await (const message of call) yield message as Response<M>;
    } finally {
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #wire(name: string): {
    path: string;
    encode: (value: object) => Buffer;
    decode: (bytes: Buffer) => unknown;
  } {
    const method = this.#methods.get(name);
    if (!method?.resolvedRequestType || !method.resolvedResponseType)
      throw new Error(`CRI has no call ${name}`);
    const { resolvedRequestType: request, resolvedResponseType: response } = method;
    return {
      path: `/runtime.v1.${method.parent?.name ?? ''}/${name}`,
      encode: (value) => Buffer.from(request.encode(request.fromObject(value)).finish()),
      decode: (bytes) => withoutNull(response.toObject(response.decode(bytes), asObject)),
    };
  }
}

/** protobufjs gives null for a message that is absent; the types say undefined, as the rest of our code does. */
function withoutNull(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(withoutNull);
  if (typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutNull(member)]));
}

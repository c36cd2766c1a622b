/** A registry that does as it is told: content by path, and a handler for whatever should go wrong. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Blob, digestOf, type TestImage } from './images.ts';

/** True: it has answered. */
export type Mischief = (
  request: IncomingMessage,
  response: ServerResponse,
  blob: Blob | undefined,
) => boolean;

export class Rogue {
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
  }[] = [];
  mischief: Mischief = () => false;
  readonly #server: Server;
  readonly #content = new Map<string, Blob>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#answer(request, response),
    );
  }

  static async start(tls?: { key: Buffer; cert: Buffer }): Promise<Rogue> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const rogue = new Rogue(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return rogue;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(repository: string, tag: string, image: TestImage): void {
    for (const blob of [image.config, ...image.layers])
      this.set(`/v2/${repository}/blobs/${blob.digest}`, blob);
    for (const name of [tag, image.manifest.digest])
      this.set(`/v2/${repository}/manifests/${name}`, image.manifest);
  }

  set(path: string, blob: Blob): void {
    this.#content.set(path, blob);
  }

  /** Paths asked for, without their query. */
  paths(): string[] {
    return this.requests.map(({ path }) => path.split('?')[0] ?? '');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push({ method: request.method ?? '', path, headers: request.headers });
    const blob = this.#content.get(path.split('?')[0] ?? '');
    if (this.mischief(request, response, blob)) return;
    if (blob === undefined) {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"none"}]}');
      return;
    }
    sendHonestly(request, response, blob);
  }
}

/** Whole, or the range that was asked for. */
export function sendHonestly(request: IncomingMessage, response: ServerResponse, blob: Blob): void {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const rest = blob.bytes.subarray(from);
  const total = blob.bytes.length;
  const headers = {
    'content-type': blob.mediaType,
    'content-length': rest.length,
    etag: `"${blob.digest}"`,
    // Of the bytes that are sent: some tests send others than the blob's.
    'docker-content-digest': digestOf(blob.bytes),
  };
  if (range === null) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${total - 1}/${total}` });
  response.end(rest);
}

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Image } from '../images/index.ts';

/** How an answer differs from what an honest registry would send. */
export type Mischief = (response: ServerResponse, body: Buffer, type: string) => void;

export interface RogueRegistry {
  readonly url: string;
  /** Requests so far, as `METHOD path`. */
  readonly requests: readonly string[];
  /** Serves an image as `name:1`; `manifest` and `layer` say how these are sent instead of honestly. */
  add(
    name: string,
    image: Image,
    mischief: { readonly manifest?: Mischief; readonly layer?: Mischief },
  ): void;
  stop(): Promise<void>;
}

export const honest: Mischief = (response, body, type) => {
  response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body);
};

/** A registry that lies as it is told, on a loopback port of its own. */
export async function startRogueRegistry(): Promise<RogueRegistry> {
  const answers = new Map<string, (response: ServerResponse) => void>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    const answer = answers.get(pathname);
    if (pathname === '/v2/') response.writeHead(200).end();
    else if (answer === undefined) response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    add: (name, image, mischief) => {
      const { manifest, config, layers } = image;
      const octets = 'application/octet-stream';
      const serve = (path: string, how: Mischief, bytes: Buffer, type: string): void => {
        answers.set(`/v2/${name}/${path}`, (response) => how(response, bytes, type));
      };
      for (const reference of ['1', manifest.digest]) {
        serve(`manifests/${reference}`, mischief.manifest ?? honest, manifest.bytes, manifest.mediaType);
      }
      serve(`blobs/${config.digest}`, honest, config.bytes, octets);
      for (const layer of layers)
        serve(`blobs/${layer.digest}`, mischief.layer ?? honest, layer.blob, octets);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

import type { Document, Image, Index } from './image.ts';

/** Pushes to a registry by the OCI distribution API; what the registry has already is not sent again. */
export class Pusher {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** Blobs known to be in the registry under some repository, to be mounted from there. */
  readonly #home = new Map<string, string>();

  /** `base` is the registry's URL without a trailing slash; `authorization` goes into every request. */
  constructor(base: string, authorization?: string) {
    this.#base = base;
    this.#headers = authorization === undefined ? {} : { authorization };
  }

  /** `name` is `repository:tag`, without a host. Returns the digest that the tag points to. */
  async push(name: string, what: Image | Index): Promise<string> {
    const [repository = '', tag = 'latest'] = name.split(':');
    const images = 'images' in what ? what.images : [what];
    for (const image of images) {
      for (const layer of image.layers) await this.blob(repository, layer.digest, layer.blob);
      await this.blob(repository, image.config.digest, image.config.bytes);
      if ('images' in what) await this.manifest(repository, image.manifest.digest, image.manifest);
    }
    await this.manifest(repository, tag, what.manifest);
    return what.manifest.digest;
  }

  async blob(repository: string, digest: string, bytes: Buffer): Promise<void> {
    const home = this.#home.get(digest);
    if (home === repository) return;
    const mount = home === undefined ? '' : `?mount=${digest}&from=${home}`;
    const started = await this.#ask('POST', `/v2/${repository}/blobs/uploads/${mount}`);
    if (started.status === 202) {
      const location = new URL(started.headers.get('location') ?? '', this.#base);
      location.searchParams.set('digest', digest);
      await this.#ask('PUT', location.pathname + location.search, bytes, 'application/octet-stream');
    }
    this.#home.set(digest, repository);
  }

  async manifest(repository: string, reference: string, document: Document): Promise<void> {
    await this.#ask('PUT', `/v2/${repository}/manifests/${reference}`, document.bytes, document.mediaType);
  }

  async #ask(method: string, path: string, body?: Buffer, type?: string): Promise<Response> {
    const headers = type === undefined ? this.#headers : { ...this.#headers, 'content-type': type };
    const response = await fetch(this.#base + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

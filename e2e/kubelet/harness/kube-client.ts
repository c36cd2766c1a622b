import { Agent, request } from 'node:https';

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** The API server's JSON, by paths as they are in its documentation: `/api/v1/namespaces/default/pods/NAME`. */
export class KubeClient {
  readonly base: string;
  readonly #token: string;
  readonly #agent = new Agent({ rejectUnauthorized: false, keepAlive: true });

  constructor(base: string, token: string) {
    this.base = base;
    this.#token = token;
  }

  /** What a request of its own needs to be let in. */
  get headers(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#token}` };
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#ask('GET', path)) as T;
  }

  /** Undefined where there is none. */
  async find<T>(path: string): Promise<T | undefined> {
    return await this.get<T>(path).catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    });
  }

  /** `path` is the collection's. */
  async create<T>(path: string, object: object): Promise<T> {
    return (await this.#ask('POST', path, object)) as T;
  }

  /** A strategic merge patch by default; `merge` for what is no built-in type, `json` for a list of operations. */
  async patch<T>(
    path: string,
    patch: object,
    kind: 'strategic-merge' | 'merge' | 'json' = 'strategic-merge',
  ): Promise<T> {
    return (await this.#ask('PATCH', path, patch, `application/${kind}-patch+json`)) as T;
  }

  async put<T>(path: string, object: object): Promise<T> {
    return (await this.#ask('PUT', path, object)) as T;
  }

  /** Asks for it; a pod is gone when the kubelet has ended it. `graceSeconds` of 0 takes the object away at once. */
  async delete(path: string, graceSeconds?: number): Promise<void> {
    await this.#ask(
      'DELETE',
      graceSeconds === undefined ? path : `${path}?gracePeriodSeconds=${graceSeconds}`,
    );
  }

  async isReady(): Promise<boolean> {
    return await this.#ask('GET', '/readyz').then(
      () => true,
      () => false,
    );
  }

  async #ask(method: string, path: string, body?: object, type = 'application/json'): Promise<unknown> {
    const headers = {
      ...this.headers,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': type }),
    };
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request(`${this.base}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    if (status >= 300) throw new KubeError(`${method} ${path}: ${status} ${text}`, status);
    return text.startsWith('{') ? JSON.parse(text) : text;
  }
}

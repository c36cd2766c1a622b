import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Pod } from './types.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The kubelet's own HTTPS server, on loopback, with a certificate that it signed itself. */
export class KubeletApi {
  readonly base: string;
  readonly #agent = new Agent({ rejectUnauthorized: false, keepAlive: false });

  constructor(port: number) {
    this.base = `https://127.0.0.1:${port}`;
  }

  async get(path: string): Promise<Answer> {
    const response = await this.#ask(path);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(chunks).toString(),
    };
  }

  async #ask(path: string): Promise<IncomingMessage> {
    return await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${this.base}${path}`, { agent: this.#agent }, resolve).once('error', reject).end();
    });
  }

  /** The body of a 200; throws with the answer otherwise. */
  async text(path: string): Promise<string> {
    const { status, body } = await this.get(path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
    return body;
  }

  async json<T>(path: string): Promise<T> {
    return JSON.parse(await this.text(path)) as T;
  }

  async isHealthy(): Promise<boolean> {
    return await this.get('/healthz').then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /** What the kubelet itself knows, statuses included; asks no API server. */
  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.json<{ items: readonly Pod[] | null }>('/pods');
    return items ?? [];
  }

  /** `query` as of the API: `tailLines=1`, `timestamps=true`, `previous=true`, `follow=true`. */
  async logs(pod: Pod, container: string, query = ''): Promise<string> {
    return await this.text(
      `/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${container}?${query}`,
    );
  }

  /** Follows a log until it matches; what came until then. @throws when the log ends before. */
  async followLogs(pod: Pod, container: string, pattern: RegExp): Promise<string> {
    const { namespace, name } = pod.metadata;
    const response = await this.#ask(`/containerLogs/${namespace}/${name}/${container}?follow=true`);
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
      if (pattern.test(text)) return text;
    }
    throw new Error(`the log ended before it matched ${pattern}: ${text}`);
  }
}

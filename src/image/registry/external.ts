/**
 * A blob at one of the addresses that its descriptor lists (image-spec, descriptor.md, `urls`): layers that a registry may
 * not distribute. Neither credentials nor settings of the registry are for these hosts.
 */
import { allCapabilities, defaultDialTimeoutMs, type RegistryHost } from './host.ts';
import type { HttpClient, HttpResponse } from './http.ts';

export class ExternalBlob {
  readonly host: RegistryHost;
  readonly #http: HttpClient;
  readonly #url: URL;

  constructor(http: HttpClient, url: URL) {
    this.#http = http;
    this.#url = url;
    this.host = {
      scheme: url.protocol === 'http:' ? 'http' : 'https',
      host: url.host,
      path: '',
      capabilities: allCapabilities,
      tls: { ca: [], client: [], skipVerify: false },
      headers: {},
      dialTimeoutMs: defaultDialTimeoutMs,
      fallbackToHttp: false,
    };
  }

  get(headers: Record<string, string>, signal: AbortSignal): Promise<HttpResponse> {
    return this.#http.send({ method: 'GET', url: this.#url, headers, signal }, this.host);
  }
}

/** Those that can be asked: `http://` and `https://` without credentials in them. */
export function usableUrls(urls: readonly string[]): URL[] {
  return urls
    .filter((text) => URL.canParse(text))
    .map((text) => new URL(text))
    .filter(({ protocol, username }) => /^https?:$/.test(protocol) && username === '');
}

/** Connections for reuse: a pool for each combination of TLS options and proxy. */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import {
  createSecureContext,
  getCACertificates,
  type SecureContext,
  setDefaultCACertificates,
} from 'node:tls';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { describeError, GantryError } from '../../base/index.ts';
import type { TlsOptions } from './host.ts';

const pool = { keepAlive: true, scheduling: 'lifo' } as const;

export class Agents {
  readonly #agents = new Map<string, http.Agent>();

  /** @param tls undefined for plain HTTP. */
  get(tls: TlsOptions | undefined, proxy: URL | undefined): http.Agent {
    const key = JSON.stringify([tls ?? null, proxy?.href ?? null]);
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = makeAgent(tls, proxy);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

function makeAgent(tls: TlsOptions | undefined, proxy: URL | undefined): http.Agent {
  const secure =
    tls === undefined ? {} : { secureContext: secureContext(tls), rejectUnauthorized: !tls.skipVerify };
  if (proxy?.protocol.startsWith('socks5')) {
    // Names are the proxy's to resolve, as Go has it for both spellings.
    const remote = new URL(proxy.href.replace(/^socks5:/, 'socks5h:'));
    return new SocksProxyAgent(remote, { ...pool, ...secure });
  }
  if (proxy?.protocol === 'https:') trustHost();
  // Node's own variables are not read: who is excepted was decided by then.
  const proxyEnv = proxy === undefined ? {} : { http_proxy: proxy.href, https_proxy: proxy.href };
  return tls === undefined
    ? new http.Agent({ ...pool, proxyEnv })
    : new https.Agent({ ...pool, proxyEnv, ...secure });
}

/** Node takes no certificates for a connection to a proxy, only the process's own: those become what the host trusts. */
function trustHost(): void {
  setDefaultCACertificates(authorities());
}

/** Node trusts only its built-in list; people expect what the host trusts. */
function authorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

function secureContext(tls: TlsOptions): SecureContext {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'read certificate',
        subject: file,
        message: `cannot read ${file}, which hosts.toml names: ${describeError(error)}`,
        cause: error,
      });
    }
  };
  const trusted = tls.skipVerify ? [] : authorities();
  return createSecureContext({
    ca: [...new Set([...trusted, ...tls.ca.map(read)])],
    cert: tls.client.map((pair) => read(pair.certificate)),
    key: tls.client.map((pair) => read(pair.key)),
  });
}

/** Connections for reuse: a pool for each combination of TLS options and proxy. */
import { statSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import {
  createSecureContext,
  getCACertificates,
  type SecureContext,
  setDefaultCACertificates,
} from 'node:tls';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { describeError, GantryError, readRegularFile } from '../../base/index.ts';
import type { TlsOptions } from './host.ts';
import { sharedLookup } from './lookup.ts';

const pool = { keepAlive: true, scheduling: 'lifo', lookup: sharedLookup } as const;

interface Kept {
  readonly agent: http.Agent;
  /** Of the certificates' files when they were read. */
  readonly stamp: string;
}

/** Milliseconds that a connection is kept for the next request. */
const IDLE_MS = 60_000;

export class Agents {
  readonly #agents = new Map<string, Kept>();
  readonly #idleMs: number;

  constructor(idleMs = IDLE_MS) {
    this.#idleMs = idleMs;
  }

  /**
   * Certificates that were replaced count from the next request on.
   *
   * @param tls undefined for plain HTTP.
   * @param dialTimeoutMs for the proxy's answer.
   */
  get(tls: TlsOptions | undefined, proxy: URL | undefined, dialTimeoutMs: number): http.Agent {
    const key = JSON.stringify([tls ?? null, proxy === undefined ? null : [proxy.href, dialTimeoutMs]]);
    const stamp = stampOf(tls);
    const kept = this.#agents.get(key);
    if (kept?.stamp === stamp) return kept.agent;
    const agent = makeAgent(tls, proxy, dialTimeoutMs, this.#idleMs);
    // Whoever uses a connection of the old one goes on with it; it is closed when it has been idle.
    this.#agents.set(key, { agent, stamp });
    return agent;
  }

  close(): void {
    for (const { agent } of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

function stampOf(tls: TlsOptions | undefined): string {
  const files = [
    ...(tls?.ca ?? []),
    ...(tls?.client ?? []).flatMap(({ certificate, key }) => [certificate, key]),
  ];
  const stamps = files.map((file) => {
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
  });
  return stamps.join('\n');
}

function makeAgent(
  tls: TlsOptions | undefined,
  proxy: URL | undefined,
  dialTimeoutMs: number,
  idleMs: number,
): http.Agent {
  const kept = { ...pool, timeout: idleMs };
  const secure =
    tls === undefined ? {} : { secureContext: secureContext(tls), rejectUnauthorized: !tls.skipVerify };
  if (proxy?.protocol.startsWith('socks5')) {
    // Names are the proxy's to resolve, as Go has it for both spellings.
    const remote = new URL(proxy.href.replace(/^socks5:/, 'socks5h:'));
    return new SocksProxyAgent(remote, { ...kept, ...secure, timeout: dialTimeoutMs });
  }
  if (proxy?.protocol === 'https:') trustHost();
  // Node's own variables are not read: who is excepted was decided by then.
  const proxyEnv = proxy === undefined ? {} : { http_proxy: proxy.href, https_proxy: proxy.href };
  return tls === undefined
    ? new http.Agent({ ...kept, proxyEnv })
    : new https.Agent({ ...kept, proxyEnv, ...secure });
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
      return readRegularFile(file);
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

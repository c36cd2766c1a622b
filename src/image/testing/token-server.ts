/** A token server as docker-registry's token authentication wants it: JWTs signed by a key that the registry trusts. */
import { execFileSync } from 'node:child_process';
import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface TokenRequest {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

export interface Account {
  readonly user: string;
  readonly password: string;
  readonly refreshToken: string;
}

export class TokenServer {
  readonly requests: TokenRequest[] = [];
  readonly #server: Server;
  readonly #account: Account;
  readonly #key: string;
  readonly #certificateFile: string;

  private constructor(server: Server, account: Account, key: string, certificateFile: string) {
    this.#server = server;
    this.#account = account;
    this.#key = key;
    this.#certificateFile = certificateFile;
  }

  static async start(directory: string, account: Account): Promise<TokenServer> {
    const key = join(directory, 'token.key');
    const certificate = join(directory, 'token.pem');
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=tokens'];
    execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    const server = createServer();
    const tokens = new TokenServer(server, account, readFileSync(key, 'utf8'), certificate);
    server.on('request', (incoming: IncomingMessage, response) => {
      void tokens.#answer(incoming).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return tokens;
  }

  /** For docker-registry's configuration. */
  get auth(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `  token:
    realm: http://127.0.0.1:${port}/token
    service: test-registry
    issuer: test-issuer
    rootcertbundle: ${this.#certificateFile}`;
  }

  /** A token for whatever, as a registry token in a request. */
  tokenFor(repository: string, actions: readonly string[], lifetime = 300): string {
    const now = Math.floor(Date.now() / 1000);
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const der = new X509Certificate(readFileSync(this.#certificateFile)).raw.toString('base64');
    const header = encode({ typ: 'JWT', alg: 'RS256', x5c: [der] });
    const access = [{ type: 'repository', name: repository, actions }];
    const times = { iat: now, nbf: now - 10, exp: now + lifetime };
    const claims = encode({
      iss: 'test-issuer',
      aud: 'test-registry',
      sub: '',
      jti: randomUUID(),
      access,
      ...times,
    });
    const signature = createSign('RSA-SHA256')
      .update(`${header}.${claims}`)
      .sign(this.#key)
      .toString('base64url');
    return `${header}.${claims}.${signature}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(incoming: IncomingMessage): Promise<{ status: number; body: object }> {
    const url = new URL(incoming.url ?? '', 'http://localhost');
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const form = new URLSearchParams(text);
    const source = incoming.method === 'POST' ? form : url.searchParams;
    const scopes = source.getAll('scope').flatMap((scope) => scope.split(' '));
    const { authorization } = incoming.headers;
    this.requests.push({ method: incoming.method ?? '', scopes, authorization, form });
    const basic = `Basic ${Buffer.from(`${this.#account.user}:${this.#account.password}`).toString('base64')}`;
    const known =
      incoming.method === 'POST'
        ? form.get('refresh_token') === this.#account.refreshToken
        : authorization === basic;
    const [, repository = '', actions = ''] = scopes[0]?.split(':') ?? [];
    // Everybody gets `public`; the rest is the account's.
    if (!known && authorization !== undefined)
      return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'wrong password' }] } };
    const granted = known || repository.startsWith('public') ? actions.split(',') : [];
    return { status: 200, body: { token: this.tokenFor(repository, granted), expires_in: 300 } };
  }
}

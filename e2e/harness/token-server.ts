import { execFileSync } from 'node:child_process';
import { createSign, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface TokenServer {
  /** The `auth` section of a docker-registry that trusts this server. */
  readonly auth: string;
  /** The tokens' scopes so far. */
  readonly granted: readonly string[];
  stop(): Promise<void>;
}

interface Account {
  readonly user: string;
  readonly password: string;
}

/** A token server as the distribution specification has it: Basic credentials in, a signed JWT for the scope out. */
export async function startTokenServer(directory: string, account: Account): Promise<TokenServer> {
  const { keyFile, certificateFile } = makeCertificate(directory);
  const granted: string[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    if (!isAllowed(request, account)) {
      response
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"details":"incorrect username or password"}');
      return;
    }
    const scope = query.get('scope') ?? '';
    granted.push(scope);
    const token = signed(keyFile, certificateFile, query.get('service') ?? '', scope);
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ token, expires_in: 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    auth: `  token:
    realm: http://127.0.0.1:${port}/token
    service: e2e-registry
    issuer: e2e-issuer
    rootcertbundle: ${certificateFile}`,
    granted,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function isAllowed(request: IncomingMessage, { user, password }: Account): boolean {
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return request.headers.authorization === wanted;
}

function makeCertificate(directory: string): { keyFile: string; certificateFile: string } {
  mkdirSync(directory, { recursive: true });
  const [keyFile, certificateFile] = [join(directory, 'token.key'), join(directory, 'token.crt')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=e2e-issuer'];
  execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certificateFile], { stdio: 'ignore' });
  return { keyFile, certificateFile };
}

/** `repository:name:pull,push` in the claims that docker-registry reads, signed with RS256. */
function signed(keyFile: string, certificateFile: string, audience: string, scope: string): string {
  const certificate = new X509Certificate(readFileSync(certificateFile)).raw.toString('base64');
  const [type = '', name = '', actions = ''] = scope.split(':');
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now - 10, exp: now + 300 };
  const access = scope === '' ? [] : [{ type, name, actions: actions.split(',') }];
  const claims = { iss: 'e2e-issuer', sub: 'e2e', aud: audience, ...times, jti: `${now}`, access };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${encode({ typ: 'JWT', alg: 'RS256', x5c: [certificate] })}.${encode(claims)}`;
  return `${body}.${createSign('sha256').update(body).sign(readFileSync(keyFile), 'base64url')}`;
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loginFor } from './index.ts';
import { Fixture, never } from './testing/fixture.ts';
import { someImage } from './testing/images.ts';
import { TestRegistry } from './testing/registry.ts';
import { Rogue } from './testing/rogue.ts';
import { type Certificates, makeCertificates } from './testing/tls.ts';
import { TokenServer } from './testing/token-server.ts';
import type { RegistryAuth } from './types.ts';

const account = { user: 'puller', password: 'open sesame', refreshToken: 'a-refresh-token' };
/** `puller:open sesame` by bcrypt. */
const htpasswd = 'puller:$2y$05$ImageTestsSaltImageTeezsDJsHQnADhKjHpSwC3uXaErFGm99nK\n';
const basic = Buffer.from(`${account.user}:${account.password}`).toString('base64');

let fixture: Fixture;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'image-auth-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => fixture.dispose());

async function pull(name: string, auth?: RegistryAuth) {
  const images = await fixture.service();
  return await images.pull(name, { signal: never(), ...(auth ? { auth } : {}) });
}

describe('Basic', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    const file = join(directory, 'htpasswd');
    writeFileSync(file, htpasswd);
    const auth = `  htpasswd:\n    realm: test\n    path: ${file}`;
    registry = await TestRegistry.start({ auth, authorization: `Basic ${basic}` });
    await registry.push('private', '1', someImage());
  });
  afterAll(() => registry.stop());

  it.each<[string, RegistryAuth]>([
    ['user and password', { username: account.user, password: account.password }],
    ['the auth field', { auth: basic }],
    [
      'the auth field as docker pads it',
      { auth: Buffer.from(`${account.user}:${account.password}\0\0`).toString('base64') },
    ],
  ])('lets in by %s', async (_what, auth) => {
    expect((await pull(`${registry.host}/private:1`, auth)).repoTags).toEqual([`${registry.host}/private:1`]);
  });

  it('takes credentials that name the registry, and no others', async () => {
    const auth = { username: account.user, password: account.password };
    await pull(`${registry.host}/private:1`, { ...auth, serverAddress: `http://${registry.host}/v2/` });
    const elsewhere = pull(`${registry.host}/private:1`, { ...auth, serverAddress: 'other.example' });
    await expect(elsewhere).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it.each<[string, RegistryAuth | undefined]>([
    ['nobody', undefined],
    ['a wrong password', { username: account.user, password: 'guess' }],
  ])('refuses %s', async (_what, auth) => {
    const attempt = pull(`${registry.host}/private:1`, auth);
    await expect(attempt).rejects.toThrow(`cannot pull ${registry.host}/private:1`);
    await expect(attempt).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(attempt).rejects.not.toThrow('guess');
    expect(fixture.files()).toEqual([]);
  });

  it('names an auth field that is none', async () => {
    await expect(pull(`${registry.host}/private:1`, { auth: 'bm9jb2xvbg==' })).rejects.toThrow(
      'not base64 of user:password',
    );
  });

  it('finds what docker login wrote', async () => {
    writeFileSync(
      join(directory, 'config.json'),
      JSON.stringify({ auths: { [registry.host]: { auth: basic } } }),
    );
    const login = loginFor(registry.host, { DOCKER_CONFIG: directory });
    expect(login).toEqual({ auth: basic });
    await pull(`${registry.host}/private:1`, login);
    expect(loginFor('other.example', { DOCKER_CONFIG: directory })).toBeUndefined();
    expect(loginFor('x', { DOCKER_CONFIG: '/nowhere' })).toBeUndefined();
  });
});

describe('Bearer', () => {
  let registry: TestRegistry;
  let tokens: TokenServer;
  beforeAll(async () => {
    tokens = await TokenServer.start(directory, account);
    // Filled through a registry on the same storage that asks for nothing.
    const open = await TestRegistry.start({ storage: join(directory, 'storage') });
    await open.push('private', '1', someImage());
    await open.push('public', '1', someImage());
    await open.stop();
    registry = await TestRegistry.start({ auth: tokens.auth, storage: join(directory, 'storage') });
  });
  afterAll(async () => {
    await registry.stop();
    await tokens.stop();
  });
  beforeEach(() => {
    tokens.requests.length = 0;
  });

  it('pulls what is public without credentials, by one token for the repository', async () => {
    await pull(`${registry.host}/public:1`);
    expect(tokens.requests).toMatchObject([
      { method: 'GET', scopes: ['repository:public:pull'], authorization: undefined },
    ]);
  });

  it('keeps a token for the next pull of the same repository by the same credentials', async () => {
    const images = await fixture.service();
    const auth = { username: account.user, password: account.password };
    for (let i = 0; i < 3; i++) await images.pull(`${registry.host}/private:1`, { signal: never(), auth });
    expect(tokens.requests).toHaveLength(1);
    await expect(images.pull(`${registry.host}/private:1`, { signal: never() })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });

  it.each<[string, RegistryAuth, string]>([
    ['user and password', { username: account.user, password: account.password }, 'GET'],
    ['an identity token', { identityToken: account.refreshToken }, 'POST'],
  ])('lets in by %s', async (_what, auth, method) => {
    await pull(`${registry.host}/private:1`, auth);
    expect(tokens.requests.map((request) => request.method)).toEqual([method]);
  });

  it('sends a registry token as it is', async () => {
    await pull(`${registry.host}/private:1`, { registryToken: tokens.tokenFor('private', ['pull']) });
    expect(tokens.requests).toEqual([]);
  });

  it.each<[string, RegistryAuth | undefined]>([
    ['nobody', undefined],
    ['a wrong password', { username: account.user, password: 'guess' }],
    ['a token for something else', { registryToken: 'nonsense' }],
  ])('refuses %s', async (_what, auth) => {
    const attempt = pull(`${registry.host}/private:1`, auth);
    await expect(attempt).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(attempt).rejects.toThrow(`cannot pull ${registry.host}/private:1`);
  });
});

describe('credentials and other hosts', () => {
  let rogue: Rogue;
  let other: Rogue;
  beforeEach(async () => {
    rogue = await Rogue.start();
    other = await Rogue.start();
  });
  afterEach(async () => {
    await rogue.stop();
    await other.stop();
  });
  const auth = { username: 'u', password: 'p' };
  const challenge: Rogue['mischief'] = (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  };

  it('are dropped when a blob is served from elsewhere', async () => {
    const image = someImage();
    rogue.add('moved', '1', image);
    other.add('moved', '1', image);
    rogue.mischief = (request, response, blob) => {
      if (challenge(request, response, blob)) return true;
      if (!request.url?.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
      return true;
    };
    await pull(`${rogue.host}/moved:1`, auth);
    expect(rogue.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(true);
    expect(other.requests).toHaveLength(2);
    for (const { headers } of other.requests) expect(headers.authorization).toBeUndefined();
  });

  it('are not shown to a mirror', async () => {
    const image = someImage();
    other.add('kept', '1', image);
    rogue.mischief = challenge;
    fixture.hosts('reg.test', `server = "http://${other.host}"\n[host."http://${rogue.host}"]\n`);
    other.mischief = challenge;
    await pull('reg.test/kept:1', auth);
    expect(rogue.requests.length).toBeGreaterThan(0);
    for (const { headers } of rogue.requests) expect(headers.authorization).toBeUndefined();
    expect(other.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(true);
  });
});

describe('TLS', () => {
  let certificates: Certificates;
  let registry: Rogue;
  const image = someImage();
  beforeAll(async () => {
    certificates = makeCertificates(directory);
    const { key, certificate } = certificates.server;
    registry = await Rogue.start({ key: readFileSync(key), cert: readFileSync(certificate) });
    registry.add('secure', '1', image);
  });
  afterAll(() => registry.stop());

  it('trusts the authority that hosts.toml names', async () => {
    fixture.hosts('reg.test', `server = "https://${registry.host}"\nca = "${certificates.ca}"\n`);
    expect((await pull('reg.test/secure:1')).id).toBe(image.config.digest);
  });

  it('refuses an unknown authority, and says what to do', async () => {
    fixture.hosts('reg.test', `server = "https://${registry.host}"\n`);
    const attempt = pull('reg.test/secure:1');
    await expect(attempt).rejects.toThrow(/^RegistryUnavailable: .*set "ca"/);
    await expect(attempt).rejects.toMatchObject({ code: 'unknown' });
  });

  it('skips verification when told to', async () => {
    fixture.hosts('reg.test', `server = "https://${registry.host}"\nskip_verify = true\n`);
    expect((await pull('reg.test/secure:1')).repoTags).toEqual(['reg.test/secure:1']);
  });

  it('speaks TLS to a loopback registry that does', async () => {
    expect((await pull(`${registry.host}/secure:1`)).repoTags).toEqual([`${registry.host}/secure:1`]);
  });

  it('names a certificate file that is not there', async () => {
    fixture.hosts('reg.test', `server = "https://${registry.host}"\nca = "gone.pem"\n`);
    await expect(pull('reg.test/secure:1')).rejects.toThrow(join(fixture.registries, 'reg.test/gone.pem'));
  });

  it('shows a client certificate where the registry wants one', async () => {
    const { ca, server, client } = certificates;
    const real = await TestRegistry.start({ storage: join(directory, 'mutual') });
    await real.push('mutual', '1', image);
    await real.stop();
    const mutual = await TestRegistry.start({
      tls: { ...server, clientCa: ca },
      storage: join(directory, 'mutual'),
    });
    try {
      const toml = `server = "${mutual.url}"\nca = "${ca}"\n`;
      fixture.hosts('reg.test', toml);
      await expect(pull('reg.test/mutual:1')).rejects.toThrow('RegistryUnavailable');
      fixture.hosts('reg.test', `${toml}client = [["${client.certificate}", "${client.key}"]]\n`);
      expect((await pull('reg.test/mutual:1')).id).toBe(image.config.digest);
    } finally {
      await mutual.stop();
    }
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, never } from './testing/fixture.ts';
import { someImage } from './testing/images.ts';
import { startHttpProxy, startSocksProxy, type TestProxy } from './testing/proxies.ts';
import { Rogue } from './testing/rogue.ts';
import { type Certificates, makeCertificates } from './testing/tls.ts';

let directory: string;
let certificates: Certificates;
let plain: Rogue;
let secure: Rogue;
let fixture: Fixture;
const image = someImage();
const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
const before = Object.fromEntries(variables.map((name) => [name, process.env[name]]));
const proxies: TestProxy[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'image-proxy-'));
  certificates = makeCertificates(directory);
  plain = await Rogue.start();
  secure = await Rogue.start(pair());
  for (const registry of [plain, secure]) registry.add('app', '1', image);
});
afterAll(async () => {
  await plain.stop();
  await secure.stop();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  fixture = new Fixture();
  for (const name of variables) delete process.env[name];
  for (const registry of [plain, secure]) registry.requests.length = 0;
});
afterEach(async () => {
  for (const name of variables) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
  await fixture.dispose();
});

const pair = () => ({
  key: readFileSync(certificates.server.key),
  cert: readFileSync(certificates.server.certificate),
});
async function use(proxy: Promise<TestProxy>): Promise<TestProxy> {
  proxies.push(await proxy);
  return await proxy;
}
/** Through a name that only the proxy can resolve: what goes past it fails. */
const overPlain = (settings = '') =>
  fixture.hosts('reg.test', `server = "http://registry.invalid:8080"\n${settings}`);
const overTls = (settings = '') =>
  fixture.hosts('reg.test', `server = "https://registry.invalid"\nskip_verify = true\n${settings}`);
const pull = async (): Promise<string> =>
  (await (await fixture.service()).pull('reg.test/app:1', { signal: never() })).id;

describe('a pull goes through', () => {
  it.each(['', 'http://'])('an HTTP proxy, given as %jhost:port, over plain HTTP', async (scheme) => {
    const proxy = await use(startHttpProxy(plain.host));
    process.env['HTTP_PROXY'] = `${scheme}127.0.0.1:${proxy.port}`;
    overPlain();
    expect(await pull()).toBe(image.config.digest);
    expect(proxy.asked[0]).toBe('GET http://registry.invalid:8080/v2/app/manifests/1?ns=reg.test');
  });

  it('an HTTP proxy, over TLS, by a tunnel', async () => {
    const proxy = await use(startHttpProxy(secure.host));
    process.env['https_proxy'] = `http://127.0.0.1:${proxy.port}`;
    overTls();
    expect(await pull()).toBe(image.config.digest);
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT registry.invalid:443']));
    expect(proxy.credentials[0]).toBeUndefined();
  });

  it('an HTTP proxy that wants a password', async () => {
    const proxy = await use(startHttpProxy(secure.host));
    process.env['HTTPS_PROXY'] = `http://user:p%40ss@127.0.0.1:${proxy.port}`;
    overTls();
    await pull();
    expect(proxy.credentials[0]).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    for (const { headers } of secure.requests) expect(headers['proxy-authorization']).toBeUndefined();
  });

  it.each(['socks5', 'socks5h'])(
    'a %s proxy, which resolves the name, with TLS and without',
    async (scheme) => {
      const toTls = await use(startSocksProxy(secure.host));
      process.env['HTTPS_PROXY'] = `${scheme}://user:secret@127.0.0.1:${toTls.port}`;
      overTls();
      expect(await pull()).toBe(image.config.digest);
      expect(toTls.asked[0]).toBe('SOCKS registry.invalid:443');
      expect(toTls.credentials[0]).toBe('user:secret');
      const toPlain = await use(startSocksProxy(plain.host));
      process.env['HTTP_PROXY'] = `${scheme}://127.0.0.1:${toPlain.port}`;
      overPlain();
      expect(await pull()).toBe(image.config.digest);
      expect(toPlain.asked[0]).toBe('SOCKS registry.invalid:8080');
      expect(toPlain.credentials[0]).toBeUndefined();
    },
  );

  it('the proxy that hosts.toml names, whatever the environment says', async () => {
    const proxy = await use(startHttpProxy(secure.host));
    process.env['HTTPS_PROXY'] = 'http://127.0.0.1:1';
    process.env['NO_PROXY'] = '*';
    overTls(`proxy = "http://127.0.0.1:${proxy.port}"\n`);
    expect(await pull()).toBe(image.config.digest);
    expect(proxy.asked).toContain('CONNECT registry.invalid:443');
  });
});

describe('a pull goes', () => {
  it('past the proxy to loopback and to what NO_PROXY excepts', async () => {
    process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    const name = `${plain.host}/app:1`;
    const service = await fixture.service();
    expect((await service.pull(name, { signal: never() })).id).toBe(image.config.digest);
  });

  it.each(['socks4://127.0.0.1:1', 'gopher://127.0.0.1'])('nowhere with the proxy %s', async (value) => {
    process.env['HTTP_PROXY'] = value;
    fixture.hosts('reg.test', `server = "http://registry.invalid"`);
    await expect(pull()).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(pull()).rejects.toThrow(/HTTP_PROXY names a proxy by "(socks4|gopher):\/\/"/);
  });

  it('nowhere when the proxy is down', async () => {
    process.env['HTTPS_PROXY'] = 'http://127.0.0.1:1';
    fixture.hosts('reg.test', `server = "https://registry.invalid"`);
    await expect(pull()).rejects.toThrow(/^RegistryUnavailable: .*ECONNREFUSED/);
  });
});

it('an HTTPS proxy is spoken to by TLS, and verified', async () => {
  const proxy = await use(startHttpProxy(secure.host, pair()));
  process.env['HTTPS_PROXY'] = `https://127.0.0.1:${proxy.port}`;
  overTls();
  await expect(pull()).rejects.toThrow('unable to verify');
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(certificates.ca, 'utf8')]);
  expect(await pull()).toBe(image.config.digest);
  expect(proxy.asked[0]).toBe('CONNECT registry.invalid:443');
});

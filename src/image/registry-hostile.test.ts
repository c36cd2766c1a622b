/** Registries, token servers and proxies that keep a pull waiting, or break it where nobody looks. */

import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BlobPart } from './registry/blob-part.ts';
import { type RegistryHost, type RegistrySession, transferBlob } from './registry/index.ts';
import { Fixture, never } from './testing/fixture.ts';
import { someImage } from './testing/images.ts';
import { bigImage, isLayer } from './testing/mischief.ts';
import { Relay } from './testing/relay.ts';
import { Rogue, sendHonestly } from './testing/rogue.ts';
import { type Certificates, makeCertificates } from './testing/tls.ts';

let directory: string;
let certificates: Certificates;
let fixture: Fixture;
let rogue: Rogue;
const ends: (() => Promise<void>)[] = [];
const proxy = process.env['HTTPS_PROXY'];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'image-hostile-'));
  certificates = makeCertificates(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(async () => {
  fixture = new Fixture();
  rogue = await Rogue.start();
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  await rogue.stop();
  await fixture.dispose();
});

async function relayTo(target: string): Promise<Relay> {
  const relay = await Relay.start(target);
  ends.push(() => relay.stop());
  return relay;
}

async function secureRogue(pair: Certificates['server'] = certificates.server): Promise<Rogue> {
  const secure = await Rogue.start({ key: readFileSync(pair.key), cert: readFileSync(pair.certificate) });
  ends.push(() => secure.stop());
  return secure;
}

describe('a registry that trickles', () => {
  const kinds: [string, RegExp, number][] = [
    ['a manifest', /\/manifests\//, 200],
    ['a configuration', /\/blobs\//, 200],
    ['an error', /\/manifests\//, 403],
  ];
  it.each(kinds)(
    '%s does not keep the pull for ever',
    async (_name, path, status) => {
      const image = someImage();
      rogue.add('slow', '1', image);
      rogue.mischief = (request, response) => {
        if (!path.test(request.url ?? '')) return false;
        response.writeHead(status);
        const timer = setInterval(() => response.write(' '), 50);
        response.once('close', () => clearInterval(timer));
        return true;
      };
      const images = await fixture.service({ rateWindowMs: 200 });
      await expect(images.pull(`${rogue.host}/slow:1`, { signal: never() })).rejects.toThrow(
        status === 200 ? /RegistryUnavailable: .*below 1024 bytes\/s/ : /access denied/,
      );
    },
    10_000,
  );

  it('the body of a redirect without end is not read for as long as the pull takes', async () => {
    const image = bigImage();
    rogue.add('endless', '1', image);
    let sent = 0;
    let closed = false;
    rogue.mischief = (request, response, blob) => {
      if (!isLayer(image, request.url)) return false;
      if (request.url?.includes('again')) {
        setTimeout(() => sendHonestly(request, response, blob ?? image.config), 1000);
        return true;
      }
      response.writeHead(307, { location: `${request.url}?again` });
      response.once('close', () => {
        closed = true;
      });
      const more = (): void => {
        for (let room = true; room && !closed; sent += 1 << 16) room = response.write(Buffer.alloc(1 << 16));
      };
      response.on('drain', more);
      more();
      return true;
    };
    const images = await fixture.service();
    await images.pull(`${rogue.host}/endless:1`, { signal: never() });
    expect(closed).toBe(true);
    expect(sent).toBeLessThan(16 << 20);
  }, 10_000);
});

describe('a converter that ends while a connection is made anew', () => {
  it('ends the transfer: nobody takes its bytes any more', async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    const openBlob = async (): Promise<BlobPart> => {
      sink.destroy();
      await once(sink, 'close');
      const endpoint = { host: 'reg.test' } as RegistryHost;
      // There is more to come, as from a registry that waits until what it has sent is taken.
      const body = new PassThrough();
      body.write(Buffer.alloc(5));
      return { body, endpoint, offset: 0, total: 10, validator: undefined, hasRanges: true };
    };
    const result = transferBlob(
      {
        session: { openBlob } as unknown as RegistrySession,
        blob: { digest: 'sha256:0', size: 10, urls: [] },
        minimumRate: 1024,
        windowMs: 1000,
        except: new Set(),
        signal: never(),
        log: pino({ level: 'silent' }),
      },
      sink,
    );
    await expect(result).resolves.toMatchObject({ complete: false });
  }, 5_000);
});

describe('a proxy that says nothing', () => {
  let port: number;
  beforeEach(async () => {
    const sockets = new Set<Socket>();
    const silent: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).resume();
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    port = (silent.address() as AddressInfo).port;
    ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
  });
  afterEach(() => {
    if (proxy === undefined) delete process.env['HTTPS_PROXY'];
    else process.env['HTTPS_PROXY'] = proxy;
  });

  it.each(['http', 'socks5', 'https'])(
    'of the kind %s is given up at the dial time-out',
    async (scheme) => {
      fixture.hosts('reg.test', `server = "https://registry.invalid"\ndial_timeout = "500ms"\n`);
      process.env['HTTPS_PROXY'] = `${scheme}://127.0.0.1:${port}`;
      const images = await fixture.service();
      await expect(images.pull('reg.test/app:1', { signal: never() })).rejects.toThrow(
        /RegistryUnavailable: .*no connection within 0.5 s/,
      );
    },
    5_000,
  );

  it.each(['http', 'socks5', 'https'])(
    'of the kind %s does not keep a pull that is cancelled',
    async (scheme) => {
      fixture.hosts('reg.test', `server = "https://registry.invalid"\n`);
      process.env['HTTPS_PROXY'] = `${scheme}://127.0.0.1:${port}`;
      const images = await fixture.service();
      await expect(images.pull('reg.test/app:1', { signal: AbortSignal.timeout(500) })).rejects.toThrow(
        /the caller did not wait/,
      );
    },
    5_000,
  );
});

describe('a connection that is reset', () => {
  it('to a TLS registry is not taken for a registry without TLS ever after', async () => {
    const secure = await secureRogue();
    const relay = await relayTo(secure.host);
    secure.add('app', '1', someImage());
    fixture.hosts(relay.host, `server = "http://${relay.host}"\nskip_verify = true\n`);
    const images = await fixture.service();
    relay.mode = 'reset';
    await expect(images.pull(`${relay.host}/app:1`, { signal: never() })).rejects.toThrow(
      /RegistryUnavailable/,
    );
    relay.mode = 'relay';
    await images.pull(`${relay.host}/app:1`, { signal: never() });
  }, 20_000);
});

describe('certificates that are replaced', () => {
  it('are those of the next pull', async () => {
    const later = join(directory, 'later');
    mkdirSync(later);
    const others = makeCertificates(later);
    const [first, second] = [await secureRogue(), await secureRogue(others.server)];
    const relay = await relayTo(first.host);
    const ca = join(fixture.directory, 'ca.pem');
    copyFileSync(certificates.ca, ca);
    fixture.hosts('reg.test', `server = "https://${relay.host}"\nca = "${ca}"\n`);
    for (const registry of [first, second]) registry.add('app', '1', someImage());
    const images = await fixture.service();
    await images.pull('reg.test/app:1', { signal: never() });
    relay.target = second.host;
    relay.cut();
    copyFileSync(others.ca, ca);
    await images.pull('reg.test/app:1', { signal: never() });
    expect(second.paths().length).toBeGreaterThan(0);
  }, 20_000);
});

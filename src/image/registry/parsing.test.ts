import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RateWatch } from '../rate-watch.ts';
import { parseChallenges } from './challenge.ts';
import { defaultHost, isLoopback, isMirror } from './host.ts';
import { hostDirectories, loadHosts, parseDuration, parseHosts } from './hosts-toml.ts';
import { retryAfterMs } from './status.ts';

describe('parseChallenges', () => {
  it.each<[string, string[], unknown]>([
    [
      'a bearer',
      ['Bearer realm="https://a/t",service="s",scope="repository:x:pull"'],
      [{ scheme: 'bearer', parameters: { realm: 'https://a/t', service: 's', scope: 'repository:x:pull' } }],
    ],
    ['basic', ['Basic realm="x"'], [{ scheme: 'basic', parameters: { realm: 'x' } }]],
    [
      'without quotes and with spaces',
      ['Bearer realm = https , service=s'],
      [{ scheme: 'bearer', parameters: { realm: 'https', service: 's' } }],
    ],
    [
      'two in one header',
      ['Basic realm="a, b", Bearer realm="c"'],
      [
        { scheme: 'basic', parameters: { realm: 'a, b' } },
        { scheme: 'bearer', parameters: { realm: 'c' } },
      ],
    ],
    [
      'two headers',
      ['Negotiate', 'BASIC Realm="x"'],
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    ['escapes', ['Basic realm="a\\"b"'], [{ scheme: 'basic', parameters: { realm: 'a"b' } }]],
    ['nothing', [], []],
    ['rubbish', ['=,"'], []],
  ])('%s', (_what, headers, challenges) => {
    expect(parseChallenges(headers)).toEqual(challenges);
  });
});

describe('hosts.toml', () => {
  const parse = (text: string, registry = 'docker.io') => parseHosts(text, '/etc/r', registry);

  it('lists mirrors in the order of the file, the server last', () => {
    const hosts = parse(`
      server = "https://up.example"
      [host."http://b.example:5000"]
        capabilities = ["pull", "Resolve"]
      [host."a.example/prefix"]
        ca = "a.pem"
        client = [["c.cert", "/k.key"]]
        dial_timeout = "1m30s"
        [host."a.example/prefix".header]
          X-One = "1"
          x-many = ["2", "3"]
      [host."https://c.example/v2/sub"]
        override_path = true
        skip_verify = true
    `);
    expect(hosts.map(({ scheme, host, path }) => `${scheme}://${host}${path}`)).toEqual([
      'http://b.example:5000/v2',
      'https://a.example/prefix/v2',
      'https://c.example/v2/sub',
      'https://up.example/v2',
    ]);
    expect([...(hosts[0]?.capabilities ?? [])]).toEqual(['pull', 'resolve']);
    expect(hosts[1]).toMatchObject({
      tls: {
        ca: ['/etc/r/a.pem'],
        client: [{ certificate: '/etc/r/c.cert', key: '/k.key' }],
        skipVerify: false,
      },
      dialTimeoutMs: 90_000,
      headers: { 'x-one': ['1'], 'x-many': ['2', '3'] },
    });
    expect(hosts[2]?.tls.skipVerify).toBe(true);
  });

  it('takes what has no host of its own for the registry’s', () => {
    const [registry] = parse('ca = "a"\ndial_timeout = "1s"\nproxy = "p:1"\n[header]\nx = "1"', 'r.test');
    expect(registry).toMatchObject({
      host: 'r.test',
      tls: { ca: ['/etc/r/a'] },
      dialTimeoutMs: 1000,
      headers: { x: ['1'] },
    });
    expect(registry?.proxy?.href).toBe('http://p:1/');
  });

  it('takes a client’s certificate and key from one file or from two', () => {
    const client = (value: string) => parse(`client = ${value}`)[0]?.tls.client;
    const same = { certificate: '/etc/r/a', key: '/etc/r/a' };
    expect(client('"a"')).toEqual([same]);
    expect(client('["a", "/b"]')).toEqual([same, { certificate: '/b', key: '/b' }]);
    expect(client('[["a", "k"], ["a", ""]]')).toEqual([{ certificate: '/etc/r/a', key: '/etc/r/k' }, same]);
  });

  it('ends with the registry itself when there is no server', () => {
    expect(parse('[host."http://m"]').map((h) => h.host)).toEqual(['m', 'registry-1.docker.io']);
    expect(parse('skip_verify = true', 'x.example')[0]).toMatchObject({
      host: 'x.example',
      tls: { skipVerify: true },
    });
  });

  it.each([
    ['server = 3', '"server"'],
    ['[host."x"]\ncapabilities = ["fly"]', 'unknown capability "fly"'],
    ['[host."x"]\nclient = [["a"]]', 'pairs'],
    ['capabilites = ["pull"]', 'unknown setting "capabilites"'],
    ['[host."x"]\nserver = "y"', 'unknown setting "server" of host."x"'],
    ['[host."x"]\nmirror = true', 'unknown setting "mirror" of host."x"'],
    ['server = "unix:///run/x.sock"', '"unix://"'],
    ['server = "https://u:p@x"', 'credentials'],
    ['proxy = "socks4://x"', '"socks4://"'],
    ['[host."x"]\nskip_verify = "yes"', 'true or false'],
    ['[host."x"]\ndial_timeout = "soon"', 'no duration'],
    ['host = 1', 'must be a table'],
    ['server = "https://"', 'Invalid URL'],
  ])('refuses %j', (text, why) => {
    expect(() => parse(text)).toThrow(why);
  });

  it.each([
    ['3s', 3000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});

describe('loadHosts', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'image-hosts-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const configure = (name: string, files: Record<string, string>) => {
    mkdirSync(join(directory, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, name, file), text);
  };

  it('looks in containerd’s places, in its order', () => {
    expect(hostDirectories('r.example:5000')).toEqual(['r.example_5000_', 'r.example:5000', '_default']);
    expect(hostDirectories('r.example')).toEqual(['r.example', '_default']);
    configure('_default', { 'hosts.toml': 'server = "https://default.example"' });
    configure('r.example:5000', { 'hosts.toml': 'server = "https://colon.example"' });
    expect(loadHosts(directory, 'other')[0]?.host).toBe('default.example');
    expect(loadHosts(directory, 'r.example:5000')[0]?.host).toBe('colon.example');
    configure('r.example_5000_', { 'hosts.toml': 'server = "https://underscore.example"' });
    expect(loadHosts(directory, 'r.example:5000')[0]?.host).toBe('underscore.example');
  });

  it('uses the registry itself when nothing is configured', () => {
    expect(loadHosts(directory, 'docker.io')).toEqual([defaultHost('docker.io')]);
    expect(loadHosts('/nowhere', 'x.example')).toMatchObject([
      { scheme: 'https', host: 'x.example', path: '/v2' },
    ]);
  });

  it('takes docker’s certificate files where there is no hosts.toml', () => {
    configure('r.example', { 'ca.crt': '', 'me.cert': '', 'me.key': '' });
    expect(loadHosts(directory, 'r.example')[0]?.tls).toEqual({
      ca: [join(directory, 'r.example/ca.crt')],
      client: [
        { certificate: join(directory, 'r.example/me.cert'), key: join(directory, 'r.example/me.key') },
      ],
      skipVerify: false,
    });
  });

  it('names the file that it cannot read', () => {
    configure('bad', { 'hosts.toml': 'server = ' });
    expect(() => loadHosts(directory, 'bad')).toThrow(join(directory, 'bad/hosts.toml'));
  });
});

describe('default hosts', () => {
  it.each([
    ['docker.io', 'https', 'registry-1.docker.io', false, false],
    ['r.example:5000', 'https', 'r.example:5000', false, false],
    ['localhost', 'https', 'localhost', true, false],
    ['localhost:443', 'https', 'localhost:443', true, false],
    ['localhost:5000', 'http', 'localhost:5000', true, true],
    ['127.0.0.2:5000', 'http', '127.0.0.2:5000', true, true],
    ['[::1]:5000', 'http', '[::1]:5000', true, true],
    ['localhost:80', 'http', 'localhost:80', false, false],
  ])('%s', (registry, scheme, host, skipVerify, fallbackToHttp) => {
    expect(defaultHost(registry)).toMatchObject({ scheme, host, fallbackToHttp, tls: { skipVerify } });
  });
  it.each([
    ['127.0.0.1:1', true],
    ['127.evil.example', false],
    ['localhost.example', false],
  ])('%s loopback: %s', (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });
  it('knows a mirror', () => {
    expect(isMirror(defaultHost('docker.io'), 'docker.io')).toBe(false);
    expect(isMirror(defaultHost('m.example'), 'docker.io')).toBe(true);
  });
});

it.each([
  ['5', 5000],
  ['Thu, 01 Jan 1970 00:00:10 GMT', 9000],
  ['nonsense', undefined],
  [undefined, undefined],
])('Retry-After %s', (header, ms) => {
  expect(retryAfterMs(header, 1000)).toBe(ms);
});

describe('RateWatch', () => {
  it('complains after a whole window below the minimum, not before', () => {
    const watch = new RateWatch(100, 10_000, 0);
    watch.received(999);
    expect(watch.stalled(9_999)).toBe(false);
    expect(watch.stalled(10_000)).toBe(true);
  });
  it('judges each window by itself', () => {
    const watch = new RateWatch(100, 10_000, 0);
    watch.received(1_000_000);
    expect(watch.stalled(10_000)).toBe(false);
    expect(watch.stalled(20_000)).toBe(true);
  });
  it('does not count the time in which we did not read', () => {
    const watch = new RateWatch(100, 10_000, 0);
    watch.pause(1_000);
    expect(watch.stalled(60_000)).toBe(false);
    watch.resume(60_000);
    expect(watch.stalled(68_999)).toBe(false);
    expect(watch.stalled(69_000)).toBe(true);
  });
});

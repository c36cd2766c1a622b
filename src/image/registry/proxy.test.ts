import { describe, expect, it } from 'vitest';
import { ProxyRules, parseProxy } from './proxy.ts';

const proxy = 'http://proxy.test:3128';
const chosen = (url: string, environment: Record<string, string>): string | undefined =>
  new ProxyRules(environment).for(new URL(url))?.href;

describe('which proxy', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['https://a.test/', { HTTPS_PROXY: proxy }, 'http://proxy.test:3128/'],
    ['https://a.test/', { https_proxy: proxy }, 'http://proxy.test:3128/'],
    ['https://a.test/', { HTTP_PROXY: proxy }, undefined],
    ['http://a.test/', { HTTP_PROXY: proxy }, 'http://proxy.test:3128/'],
    ['http://a.test/', { HTTPS_PROXY: proxy }, undefined],
    ['http://a.test/', { ALL_PROXY: proxy }, undefined],
    // Upper case wins, an empty value is none.
    ['http://a.test/', { HTTP_PROXY: 'up:1', http_proxy: 'low:1' }, 'http://up:1/'],
    ['http://a.test/', { HTTP_PROXY: '', http_proxy: 'low:1' }, 'http://low:1/'],
    ['https://a.test/', { HTTPS_PROXY: 'proxy.test:3128' }, 'http://proxy.test:3128/'],
    ['https://a.test/', { HTTPS_PROXY: '10.0.0.1:3128' }, 'http://10.0.0.1:3128/'],
    ['https://a.test/', { HTTPS_PROXY: 'https://proxy.test' }, 'https://proxy.test/'],
    ['https://a.test/', { HTTPS_PROXY: 'socks5://proxy.test:1080' }, 'socks5://proxy.test:1080'],
    ['https://a.test/', { HTTPS_PROXY: 'http://u:p%40@proxy.test' }, 'http://u:p%40@proxy.test/'],
  ])('%s with %j: %s', (url, environment, expected) => {
    expect(chosen(url, environment)).toBe(expected);
  });

  it.each([
    ['ftp://proxy.test', 'HTTPS_PROXY names a proxy by "ftp://"'],
    ['socks4://proxy.test', 'HTTPS_PROXY names a proxy by "socks4://"'],
    ['http://', 'HTTPS_PROXY is no address of a proxy'],
    ['bad host', 'HTTPS_PROXY is no address of a proxy'],
  ])('%j is refused by name', (value, why) => {
    const attempt = () => chosen('https://a.test/', { HTTPS_PROXY: value });
    expect(attempt).toThrow(why);
    expect(attempt).toThrow(expect.objectContaining({ code: 'failed-precondition' }));
  });

  it('does not repeat what may be a password', () => {
    expect(() => parseProxy('ftp://u:secret@h', 'X')).not.toThrow(/secret/);
  });
});

/** As golang.org/x/net/http/httpproxy documents it, case by case. */
describe('NO_PROXY', () => {
  it.each<[noProxy: string, url: string, direct: boolean]>([
    // Loopback is exempt without being named.
    ['', 'http://localhost:5000/', true],
    ['', 'http://127.0.0.1:5000/', true],
    ['', 'http://127.9.9.9/', true],
    ['', 'http://[::1]:5000/', true],
    ['', 'http://[::ffff:127.0.0.1]/', true],
    ['', 'http://localhost.test/', false],
    ['', 'http://10.0.0.1/', false],
    // A name is itself and what lies below; a leading dot is what lies below alone.
    ['foo.com', 'http://foo.com/', true],
    ['foo.com', 'http://bar.foo.com/', true],
    ['foo.com', 'http://barfoo.com/', false],
    ['.y.com', 'http://x.y.com/', true],
    ['.y.com', 'http://y.com/', false],
    ['*.y.com', 'http://x.y.com/', true],
    ['*.y.com', 'http://y.com/', false],
    ['FOO.com', 'http://Foo.Com/', true],
    ['bücher.test', 'http://xn--bcher-kva.test/', true],
    // Addresses and networks.
    ['10.0.0.1', 'http://10.0.0.1:5000/', true],
    ['10.0.0.1', 'http://10.0.0.11/', false],
    ['10.0.0.0/8', 'https://10.200.3.4/', true],
    ['10.0.0.0/8', 'https://11.0.0.1/', false],
    ['10.1.2.3/8', 'https://10.200.3.4/', true],
    ['fd00::/8', 'https://[fd12::1]:5000/', true],
    ['fd00::/8', 'https://[fe80::1]/', false],
    ['fd00::1', 'https://[fd00::1]/', true],
    ['[fd00::1]', 'https://[fd00::1]/', true],
    ['10.0.0.0/8', 'https://ten.test/', false],
    // Ports.
    ['foo.com:80', 'http://foo.com/', true],
    ['foo.com:80', 'https://foo.com/', false],
    ['foo.com:443', 'https://foo.com/', true],
    ['10.0.0.1:5000', 'http://10.0.0.1:5000/', true],
    ['10.0.0.1:5000', 'http://10.0.0.1:5001/', false],
    ['[fd00::1]:5000', 'http://[fd00::1]:5000/', true],
    ['[fd00::1]:5000', 'http://[fd00::1]/', false],
    // Lists, spaces, everything; what cannot be understood excepts nothing.
    ['a.test, foo.com ,10.0.0.0/8', 'http://foo.com/', true],
    ['a.test , 10.0.0.0/8', 'http://10.1.1.1/', true],
    ['*', 'http://foo.com/', true],
    ['a.test, *', 'https://1.2.3.4/', true],
    ['10.0.0.0/99', 'http://10.0.0.1/', false],
    ['http://foo.com', 'http://foo.com/', false],
    [':80', 'http://foo.com/', false],
    [',,', 'http://foo.com/', false],
  ])('%j, %s: directly %s', (noProxy, url, direct) => {
    const environment = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
    for (const name of ['NO_PROXY', 'no_proxy'])
      expect(chosen(url, { ...environment, [name]: noProxy }) === undefined).toBe(direct);
  });
});

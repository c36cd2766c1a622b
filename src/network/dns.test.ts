import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostResolvConf, onlyLoopbackServers, renderHosts, renderResolvConf } from './dns.ts';

describe('resolv.conf', () => {
  const host = '# mine\nnameserver 1.1.1.1\n';
  test.each([
    ['nothing asked: the host’s', undefined, host],
    ['empty lists: the host’s', { servers: [], searches: [], options: [] }, host],
    [
      'all three',
      { servers: ['10.0.0.10', 'fd00::10'], searches: ['ns.svc', 'svc'], options: ['ndots:5', 'edns0'] },
      'search ns.svc svc\nnameserver 10.0.0.10\nnameserver fd00::10\noptions ndots:5 edns0\n',
    ],
    ['options alone', { servers: [], searches: [], options: ['ndots:1'] }, 'options ndots:1\n'],
  ])('%s', (_, dns, expected) => expect(renderResolvConf(dns, host)).toBe(expected));

  test.each([
    [{ servers: ['1.1.1.1\nnameserver 6.6.6.6'], searches: [], options: [] }, /DNS server/],
    [{ servers: [], searches: ['a b'], options: [] }, /DNS search domain/],
    [{ servers: [], searches: [], options: [''] }, /DNS option/],
    [{ servers: [], searches: Array.from({ length: 33 }, (_, i) => `d${i}`), options: [] }, /more than 32/],
    [{ servers: [], searches: ['x'.repeat(2049)], options: [] }, /2048/],
  ])('%j is refused', (dns, message) => expect(() => renderResolvConf(dns, host)).toThrow(message));
});

test('a stub resolver on loopback is no use to a pod with a network of its own', async () => {
  const read = async (path: string): Promise<string> => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const base = mkdtempSync(join(tmpdir(), 'gnt-net-dns-'));
  try {
    const etc = join(base, 'etc');
    const upstream = join(base, 'run', 'systemd', 'resolve');
    mkdirSync(etc);
    expect(await hostResolvConf(true, read, etc, join(base, 'run'))).toBe('');
    writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.53\n');
    expect(await hostResolvConf(true, read, etc, join(base, 'run'))).toBe('nameserver 127.0.0.53\n');
    mkdirSync(upstream, { recursive: true });
    writeFileSync(join(upstream, 'resolv.conf'), 'nameserver 9.9.9.9\n');
    expect(await hostResolvConf(true, read, etc, join(base, 'run'))).toBe('nameserver 9.9.9.9\n');
    expect(await hostResolvConf(false, read, etc, join(base, 'run'))).toBe('nameserver 127.0.0.53\n');
  } finally {
    rmSync(base, { recursive: true });
  }
});

test.each([
  ['nameserver 127.0.0.53\n', true],
  ['nameserver ::1\nnameserver 127.0.0.1', true],
  ['nameserver 127.0.0.53\nnameserver 1.1.1.1\n', false],
  ['search x\n', false],
  ['# nameserver 127.0.0.1\n', false],
])('only loopback servers in %j: %s', (text, expected) => expect(onlyLoopbackServers(text)).toBe(expected));

test('/etc/hosts names the pod', () => {
  expect(renderHosts('web', ['10.1.0.2', 'fd00::2'])).toContain('10.1.0.2\tweb\nfd00::2\tweb\n');
  expect(renderHosts('web', [])).toContain('127.0.1.1\tweb\n');
  expect(renderHosts('web', [])).toMatch(/^127\.0\.0\.1\tlocalhost\n/);
});

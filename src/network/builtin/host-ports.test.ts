import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BridgeSite, port, type UpPod } from '../testing/bridge-site.ts';
import { requestFor, type TestHost } from '../testing/host.ts';

const site = new BridgeSite();
let host: TestHost;
let outside: string;
afterAll(() => site.close());

describe('host ports', () => {
  let web: UpPod;
  let other: UpPod;
  beforeAll(async () => {
    await site.open();
    ({ host, outside } = site);
    web = await site.podUp([
      port(18080, 80),
      port(18053, 53, { protocol: 'udp' }),
      port(18081, 81, { hostIp: '192.0.2.1' }),
      port(18082, 82, { hostIp: '127.0.0.1' }),
      port(18132, 132, { protocol: 'sctp' }),
      port(0, 83),
    ]);
    other = await site.podUp();
    await site.serve(web.pod.netns, 'tcp', '::', 80, 'web');
    await site.serve(web.pod.netns, 'udp', '0.0.0.0', 53, 'dns');
    await site.serve(web.pod.netns, 'tcp', '::', 81, 'one');
    await site.serve(web.pod.netns, 'tcp', '::', 82, 'local');
  });

  test('from outside, with the client’s address', () => {
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('web saw 192.0.2.2');
    expect(site.ask(outside, 'tcp', '2001:db8::1', 18080)).toBe('web saw 2001:db8::2');
    expect(site.ask(outside, 'udp', '192.0.2.1', 18053)).toBe('dns saw 192.0.2.2');
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18081)).toBe('one saw 192.0.2.2');
  });

  test('from the host itself, also by loopback', async () => {
    expect(await host.call('ask', '192.0.2.1', 18080)).toMatch(/^web saw/);
    expect(await host.call('ask', '127.0.0.1', 18080)).toBe('web saw 10.93.0.1');
    expect(await host.call('ask', '127.0.0.1', 18082)).toBe('local saw 10.93.0.1');
    expect(await host.call('ask', '2001:db8::1', 18080)).toMatch(/^web saw/);
  });

  test('an address that was named is the only one', async () => {
    expect(await host.call('ask', '127.0.0.1', 18081)).toMatch(/^error/);
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18082)).toMatch(/^error/);
    expect(site.ask(outside, 'tcp', '2001:db8::1', 18081)).toMatch(/^error/);
  });

  test('from a neighbour and from the pod itself (hairpin)', () => {
    expect(site.ask(other.pod.netns, 'tcp', '192.0.2.1', 18080)).toBe('web saw 10.93.0.1');
    expect(site.ask(web.pod.netns, 'tcp', '192.0.2.1', 18080)).toBe('web saw 10.93.0.1');
    expect(site.ask(web.pod.netns, 'udp', '192.0.2.1', 18053)).toBe('dns saw 10.93.0.1');
    expect(site.ask(other.pod.netns, 'tcp', '2001:db8::1', 18080)).toBe('web saw fd00:93::1');
  });

  test('SCTP has its rule', async () => {
    expect(await host.call('nft', 'list map inet gantry-gntbr0 ports4')).toContain('sctp . 18132 :');
  });

  test.each([
    ['the same port', port(18080, 8080)],
    ['one address of it', port(18080, 8080, { hostIp: '192.0.2.1' })],
    ['every address of one that has one', port(18081, 8080)],
  ])('another pod cannot have %s, and nothing of it is left', async (_, mapping) => {
    const before = [site.reserved(), site.links()];
    const pod = await host.pod('late');
    await expect(host.setUp(requestFor(pod, { portMappings: [mapping] }))).rejects.toMatchObject({
      code: 'already-exists',
      message: expect.stringMatching(/host port .*1808[01]\/tcp is taken by pod default\//),
    });
    expect([site.reserved(), site.links()]).toEqual(before);
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('web saw 192.0.2.2');
  });

  test('another protocol, another address and another family are other ports', async () => {
    const { record } = await site.podUp([
      port(18080, 80, { protocol: 'udp' }),
      port(18081, 80, { hostIp: '127.0.0.1' }),
      port(18082, 80, { hostIp: '::' }),
    ]);
    expect(record.ips).not.toEqual([]);
    await host.tearDown(record);
  });

  test.each([
    ['twice in one pod', [port(18200, 80), port(18200, 81)], /18200\/tcp: it is asked for twice/],
    ['out of range', [port(70000, 80)], /ports are 1 to 65535/],
    ['no address', [port(18200, 80, { hostIp: 'localhost' })], /localhost is no IP address/],
    ['of a zone', [port(18200, 80, { hostIp: 'fe80::1%lo' })], /fe80::1%lo is no IP address/],
    [
      'twice, written differently',
      [port(18200, 80, { hostIp: '::1' }), port(18200, 81, { hostIp: '0:0:0:0:0:0:0:1' })],
      /18200\/tcp: it is asked for twice/,
    ],
    [
      'for every address, and for one',
      [port(18200, 80, { hostIp: '0::0' }), port(18200, 81, { hostIp: '2001:db8::1' })],
      /18200\/tcp: it is asked for twice/,
    ],
  ])('a mapping that is %s is refused', async (_, portMappings, message) => {
    const pod = await host.pod('bad');
    await expect(host.setUp(requestFor(pod, { portMappings }))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    });
  });

  test('rules that were flushed come back with the ports of living pods', async () => {
    site.sh(host.netns, 'nft delete table inet gantry-gntbr0');
    await host.status();
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('web saw 192.0.2.2');
  });

  test('a UDP client that never pauses reaches a pod that came later, and the one after it', async () => {
    const ask = () => site.ask(outside, 'udp', '192.0.2.1', 18054, 40000);
    expect(ask()).toMatch(/^error/);
    for (const name of ['first', 'second']) {
      const { pod, record } = await site.podUp([port(18054, 53, { protocol: 'udp' })]);
      await site.serve(pod.netns, 'udp', '0.0.0.0', 53, name);
      expect(ask()).toBe(`${name} saw 192.0.2.2`);
      await host.tearDown(record);
    }
  });

  test('gone at tear-down, free for the next', async () => {
    await host.tearDown(web.record);
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toMatch(/^error/);
    const next = await site.podUp([port(18080, 80)]);
    await site.serve(next.pod.netns, 'tcp', '::', 80, 'next');
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('next saw 192.0.2.2');
  });

  test('nothing is left when every pod is torn down', async () => {
    for (const record of site.records) await host.tearDown(record);
    expect([site.reserved(), site.links()]).toEqual([[], []]);
    const rules = await host.call<string>('nft', 'list table inet gantry-gntbr0');
    expect(rules.match(/elements = .*/g)).toEqual([
      'elements = { 10.93.0.0/24 }',
      'elements = { fd00:93::/64 }',
    ]);
  });
});

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { native, paths } from '../../base/index.ts';
import type { NetworkRecord, PortMapping } from '../index.ts';
import { requestFor, TestHost, type TestPod, TestSite } from '../testing/host.ts';
import { parseRange } from './address.ts';
import { Leases, leasesRange } from './leases.ts';

const site = new TestSite();
let host: TestHost;
let outside: string;
const records: NetworkRecord[] = [];

/** A machine with an uplink to another one, as in the documentation's address ranges. */
beforeAll(async () => {
  const netns = await site.namespace('host');
  outside = await site.namespace('outside');
  site.sh(netns, `ip link add gntup0 type veth peer name gntup1 netns ${outside}`);
  site.sh(netns, 'ip link set gntup0 mtu 1450 up; ip addr add 192.0.2.1/24 dev gntup0');
  site.sh(netns, 'ip addr add 2001:db8::1/64 dev gntup0 nodad; ip route add default via 192.0.2.2');
  site.sh(outside, 'ip link set gntup1 mtu 1450 up; ip addr add 192.0.2.2/24 dev gntup1');
  site.sh(outside, 'ip addr add 2001:db8::2/64 dev gntup1 nodad');
  host = new TestHost(site, netns);
});
afterAll(() => site.close());

async function podUp(
  portMappings: PortMapping[] = [],
  on = host,
): Promise<{ pod: TestPod; record: NetworkRecord }> {
  const pod = await on.pod('pod');
  const record = await on.setUp(requestFor(pod, { portMappings, podName: pod.id.slice(0, 6) }));
  if (on === host) records.push(record);
  return { pod, record };
}

const port = (hostPort: number, containerPort: number, more: Partial<PortMapping> = {}): PortMapping => ({
  protocol: 'tcp',
  hostPort,
  containerPort,
  hostIp: '',
  ...more,
});
/** The addresses that are reserved, as the files say. */
const reserved = (on = host): string[] => {
  const directory = join(on.config.root, 'network', on.config.builtinBridge);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .flatMap((name) => {
      const cidr = leasesRange(name);
      if (cidr === undefined) return [];
      const leases = new Leases(directory, parseRange(cidr));
      const addresses = [...leases.all().keys()];
      leases.close();
      return addresses;
    })
    .sort();
};
const links = (on = host): string[] =>
  site
    .sh(on.netns, 'ip -br link')
    .split('\n')
    .flatMap((line) => line.match(/^veth\S+/)?.[0] ?? []);

describe('pods on the bridge', () => {
  let a: { pod: TestPod; record: NetworkRecord };
  let b: { pod: TestPod; record: NetworkRecord };
  beforeAll(async () => {
    a = await podUp();
    b = await podUp();
    await site.serve(b.pod.netns, 'tcp', '::', 8080, 'b');
    await site.serve(outside, 'tcp', '::', 8080, 'outside');
    await host.call('listen', 9090, '::');
  });

  test('each has a v4 and a v6 address, durable before it was told, and default routes', () => {
    expect(a.record.ips).toEqual(['10.93.0.2', 'fd00:93::2']);
    expect(b.record.ips).toEqual(['10.93.0.3', 'fd00:93::3']);
    expect(reserved()).toEqual(['10.93.0.2', '10.93.0.3']);
    const shown = site.sh(a.pod.netns, 'ip -o addr show eth0; ip route; ip -6 route; ip -o link show eth0');
    expect(shown).toContain('inet 10.93.0.2/24 brd 10.93.0.255');
    expect(shown).toContain('inet6 fd00:93::2/64 scope global nodad');
    expect(shown).toContain('default via 10.93.0.1 dev eth0');
    expect(shown).toContain('default via fd00:93::1 dev eth0');
    expect(shown).toContain('mtu 1450'); // the uplink's
    expect(shown).toContain('0a:58:0a:5d:00:02');
  });

  test('pod to pod, in both families, with the pod’s own address', () => {
    expect(site.ask(a.pod.netns, 'tcp', '10.93.0.3', 8080)).toBe('b saw 10.93.0.2');
    expect(site.ask(a.pod.netns, 'tcp', 'fd00:93::3', 8080)).toBe('b saw fd00:93::2');
  });

  test('host to pod and pod to host', async () => {
    expect(await host.call('ask', '10.93.0.3', 8080)).toBe('b saw 10.93.0.1');
    expect(site.ask(a.pod.netns, 'tcp', '192.0.2.1', 9090)).toContain('10.93.0.2');
    expect(site.ask(a.pod.netns, 'tcp', '10.93.0.1', 9090)).toContain('10.93.0.2');
  });

  test('pod to the world, under the host’s address', () => {
    expect(site.ask(a.pod.netns, 'tcp', '192.0.2.2', 8080)).toBe('outside saw 192.0.2.1');
    expect(site.ask(a.pod.netns, 'tcp', '2001:db8::2', 8080)).toBe('outside saw 2001:db8::1');
  });

  test('no pod reaches what listens on the host’s loopback, though route_localnet is on', async () => {
    await host.call('listen', 9191, '127.0.0.1');
    site.sh(
      a.pod.netns,
      'ip route add 127.0.0.0/8 via 10.93.0.1 table 77; ip rule add to 127.0.0.0/8 pref 0 table 77; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet',
    );
    expect(site.ask(a.pod.netns, 'tcp', '127.0.0.1', 9191)).toMatch(/^error/);
  });

  test('check says whether it is whole', async () => {
    await host.call('check', a.record);
    site.sh(host.netns, `ip link set ${(b.record.details as { hostName: string }).hostName} nomaster`);
    await expect(host.call('check', b.record)).rejects.toThrow(/no port of gntbr0/);
    site.sh(host.netns, `ip link set ${(b.record.details as { hostName: string }).hostName} master gntbr0`);
  });

  test('status is ready and makes again what others flushed', async () => {
    expect(await host.status()).toMatchObject({
      ready: true,
      details: { kind: 'builtin', addressesInUse: 2 },
    });
    site.sh(host.netns, 'nft flush ruleset; echo 0 > /proc/sys/net/ipv4/ip_forward');
    expect(site.ask(a.pod.netns, 'tcp', '192.0.2.2', 8080)).toMatch(/^error/);
    expect(await host.status()).toMatchObject({ ready: true });
    expect(site.ask(a.pod.netns, 'tcp', '192.0.2.2', 8080)).toBe('outside saw 192.0.2.1');
  });

  test('tear-down is idempotent and frees the addresses for others, later', async () => {
    await host.tearDown(a.record);
    await host.tearDown(a.record);
    expect(reserved()).toEqual(['10.93.0.3']);
    const c = await podUp();
    expect(c.record.ips[0]).toBe('10.93.0.4');
    // A late second tear-down of the first does not take what became somebody else's.
    const details = {
      ...(a.record.details as object),
      addresses: (c.record.details as { addresses: string[] }).addresses,
    };
    await host.tearDown({ ...a.record, ips: c.record.ips, details });
    expect(reserved()).toContain('10.93.0.4');
  });
});

describe('host ports', () => {
  let web: { pod: TestPod; record: NetworkRecord };
  let other: { pod: TestPod; record: NetworkRecord };
  beforeAll(async () => {
    web = await podUp([
      port(18080, 80),
      port(18053, 53, { protocol: 'udp' }),
      port(18081, 81, { hostIp: '192.0.2.1' }),
      port(18082, 82, { hostIp: '127.0.0.1' }),
      port(18132, 132, { protocol: 'sctp' }),
      port(0, 83),
    ]);
    other = await podUp();
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
    const before = [reserved(), links()];
    const pod = await host.pod('late');
    await expect(host.setUp(requestFor(pod, { portMappings: [mapping] }))).rejects.toMatchObject({
      code: 'already-exists',
      message: expect.stringMatching(/host port .*1808[01]\/tcp is taken by pod default\//),
    });
    expect([reserved(), links()]).toEqual(before);
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('web saw 192.0.2.2');
  });

  test('another protocol, another address and another family are other ports', async () => {
    const { record } = await podUp([
      port(18080, 80, { protocol: 'udp' }),
      port(18081, 80, { hostIp: '127.0.0.1' }),
      port(18082, 80, { hostIp: '::' }),
    ]);
    await host.tearDown(record);
  });

  test.each([
    ['twice in one pod', [port(18200, 80), port(18200, 81)], /18200\/tcp: it is asked for twice/],
    ['out of range', [port(70000, 80)], /ports are 1 to 65535/],
    ['no address', [port(18200, 80, { hostIp: 'localhost' })], /localhost is no IP address/],
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

  test('gone at tear-down, free for the next, also for clients that talked to the last', async () => {
    await host.tearDown(web.record);
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toMatch(/^error/);
    const next = await podUp([port(18080, 80), port(18053, 53, { protocol: 'udp' })]);
    await site.serve(next.pod.netns, 'tcp', '::', 80, 'next');
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('next saw 192.0.2.2');
  });
});

describe('when things go wrong', () => {
  test('a full range says so, and a freed address serves again', async () => {
    const netns = await site.namespace('small');
    const small = new TestHost(site, netns, { builtinSubnet: '10.94.0.0/29', builtinBridge: 'gntbr1' });
    const made: NetworkRecord[] = [];
    for (let i = 0; i < 5; i++) made.push((await podUp([], small)).record);
    expect(made.map((record) => record.ips[0])).toEqual([2, 3, 4, 5, 6].map((n) => `10.94.0.${n}`));
    await expect(podUp([], small)).rejects.toMatchObject({
      code: 'resource-exhausted',
      message: expect.stringContaining('all 5 pod addresses of 10.94.0.0/29 are in use'),
    });
    await small.tearDown(made[1] as NetworkRecord);
    expect((await podUp([], small)).record.ips).toEqual(['10.94.0.3']);
  });

  test('a namespace that is not there leaves nothing', async () => {
    const before = [reserved(), links()];
    const pod = { id: 'f'.repeat(64), netns: join(site.directory, 'nowhere') };
    await expect(host.setUp(requestFor(pod))).rejects.toThrow(/nowhere/);
    expect([reserved(), links()]).toEqual(before);
  });

  test('a killed server: the record that was announced is enough to clean up, at every moment', async () => {
    const before = [reserved(), links()];
    for (const delay of [0, 1, 2, 3, 5]) {
      const pod = await host.pod('crash');
      const request = requestFor(pod, { portMappings: [port(18300, 80)] });
      await host.call('setUpAndDie', request, delay).catch(() => undefined);
      await host.kill();
      host.start();
      expect(host.lastAnnounced?.request.podId).toBe(pod.id);
      await host.tearDown(host.lastAnnounced as NetworkRecord);
      expect([reserved(), links()]).toEqual(before);
    }
  });

  test('a reservation without a record is freed at start-up, one of a pod that is being made is not', async () => {
    const making = 'a'.repeat(64);
    const range = parseRange('10.93.0.0/24');
    const leases = new Leases(join(host.config.root, 'network', 'gntbr0'), range);
    await leases.reserve([range], 'b'.repeat(64));
    const [address = ''] = await leases.reserve([range], making);
    const directory = paths.pod(host.config, making);
    mkdirSync(directory, { recursive: true });
    const lock = native().lockTake(join(directory, 'lock'));
    const live = records.filter((record) => reserved().includes(record.ips[0] ?? ''));
    const kept = live.flatMap((record) => record.ips.slice(0, 1));
    await host.call('collectGarbage', live);
    native().closeFd(lock);
    expect(reserved()).toEqual([...kept, address].sort());
    await host.call('collectGarbage', live);
    expect(reserved()).toEqual(kept.sort());
  });

  test('after a reboot (no bridge, no rules, no namespace) tear-down and new pods work', async () => {
    const { pod, record } = await podUp([port(18400, 80)]);
    await host.call('netnsRemove', pod.netns);
    await host.kill();
    site.sh(host.netns, 'ip link del gntbr0; nft flush ruleset');
    host.start();
    await host.tearDown(record);
    expect(reserved()).not.toContain(record.ips[0]);
    const { record: again } = await podUp([port(18400, 80)]);
    await host.call('check', again);
    await host.tearDown(again);
  });

  test('a bridge that was deleted under a running server is made again, and its pods are back on it', async () => {
    const old = await podUp();
    await site.serve(old.pod.netns, 'tcp', '::', 8080, 'old');
    site.sh(host.netns, 'ip link del gntbr0');
    const { pod, record } = await podUp();
    await host.call('check', record);
    await host.call('check', old.record);
    expect(site.ask(pod.netns, 'tcp', old.record.ips[0] ?? '', 8080)).toMatch(/^old saw/);
    await host.tearDown(record);
  });
});

describe('beside others', () => {
  test('two instances on one host: each has its bridge and its rules, and neither disturbs the other', async () => {
    const second = new TestHost(site, host.netns, {
      root: join(site.directory, 'second', 'root'),
      state: join(site.directory, 'second', 'state'),
      builtinBridge: 'gntbr2',
      builtinSubnet: '10.95.0.0/24',
    });
    const mine = await podUp([port(18500, 80)]);
    await site.serve(mine.pod.netns, 'tcp', '::', 80, 'mine');
    const theirs = await podUp([port(18501, 80)], second);
    await site.serve(theirs.pod.netns, 'tcp', '::', 80, 'theirs');
    expect(theirs.record.ips).toEqual(['10.95.0.2']);
    await second.call('collectGarbage', []);
    await second.tearDown(theirs.record);
    expect(site.ask(outside, 'tcp', '192.0.2.1', 18500)).toBe('mine saw 192.0.2.2');
    await host.tearDown(mine.record);
    await second.kill();
  });

  test.each([
    [
      'another instance’s bridge',
      { builtinBridge: 'gntbr0' },
      /gntbr0 belongs to "gantry .*host.files\/root"/,
    ],
    [
      'another link’s range',
      { builtinBridge: 'gntbr3', builtinSubnet: '192.0.2.128/25' },
      /overlaps 192.0.2.1\/24 on gntup0/,
    ],
    ['no name for a link', { builtinBridge: '../x' }, /no name for a bridge/],
  ])('%s is refused with the remedy, in status and for pods', async (_, config, message) => {
    const third = new TestHost(site, host.netns, { root: join(site.directory, 'third'), ...config });
    await expect(podUp([], third)).rejects.toThrow(message);
    expect(await third.status()).toMatchObject({
      ready: false,
      reason: 'NetworkPluginNotReady',
      message: expect.stringMatching(message),
    });
    await third.kill();
  });

  test('a FORWARD chain whose policy is to drop lets our pods through', async () => {
    const { pod, record } = await podUp();
    site.sh(
      host.netns,
      'nft add table ip filter; nft "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"',
    );
    expect(site.ask(pod.netns, 'tcp', '192.0.2.2', 8080)).toMatch(/^error/);
    await host.kill();
    host.start();
    await host.status();
    await host.status();
    expect(site.ask(pod.netns, 'tcp', '192.0.2.2', 8080)).toBe('outside saw 192.0.2.1');
    const rules = await host.call<string>('nft', 'list chain ip filter FORWARD');
    expect(rules.match(/gntbr0/g)).toHaveLength(2);
    await host.tearDown(record);
  });

  test('the kubelet’s pod range is used from then on, and remembered', async () => {
    await host.call('setPodCidr', '10.96.0.0/24');
    const { pod, record } = await podUp();
    expect(record.ips).toEqual(['10.96.0.2']);
    expect(site.ask(pod.netns, 'tcp', '192.0.2.2', 8080)).toBe('outside saw 192.0.2.1');
    await host.tearDown(record);
    await host.kill();
    host.start();
    const again = await podUp();
    expect(again.record.ips).toEqual(['10.96.0.3']);
    await host.tearDown(again.record);
    await expect(host.call('setPodCidr', 'nonsense')).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('nothing is left when every pod is torn down', async () => {
  for (const record of records) await host.tearDown(record);
  expect(reserved()).toEqual([]);
  expect(links()).toEqual([]);
  expect(await host.call('nft', 'list table inet gantry-gntbr0')).not.toContain('elements = { tcp');
});

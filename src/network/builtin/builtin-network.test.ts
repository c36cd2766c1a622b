import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { native, paths } from '../../base/index.ts';
import type { NetworkRecord } from '../index.ts';
import { BridgeSite, port, type UpPod } from '../testing/bridge-site.ts';
import { requestFor, TestHost } from '../testing/host.ts';
import { parseRange } from './address.ts';
import { Leases } from './leases.ts';

const site = new BridgeSite();
const { records } = site;
let host: TestHost;
let outside: string;

beforeAll(async () => {
  await site.open();
  ({ host, outside } = site);
});
afterAll(() => site.close());

describe('pods on the bridge', () => {
  let a: UpPod;
  let b: UpPod;
  beforeAll(async () => {
    a = await site.podUp();
    b = await site.podUp();
    await site.serve(b.pod.netns, 'tcp', '::', 8080, 'b');
    await site.serve(outside, 'tcp', '::', 8080, 'outside');
    await host.call('listen', 9090, '::');
  });

  test('each has a v4 and a v6 address, durable before it was told, and default routes', () => {
    expect(a.record.ips).toEqual(['10.93.0.2', 'fd00:93::2']);
    expect(b.record.ips).toEqual(['10.93.0.3', 'fd00:93::3']);
    expect(site.reserved()).toEqual(['10.93.0.2', '10.93.0.3']);
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
    expect(site.reserved()).toEqual(['10.93.0.3']);
    const c = await site.podUp();
    expect(c.record.ips[0]).toBe('10.93.0.4');
    // A late second tear-down of the first does not take what became somebody else's.
    const details = {
      ...(a.record.details as object),
      addresses: (c.record.details as { addresses: string[] }).addresses,
    };
    await host.tearDown({ ...a.record, ips: c.record.ips, details });
    expect(site.reserved()).toContain('10.93.0.4');
  });
});

describe('when things go wrong', () => {
  test('a full range says so, and a freed address serves again', async () => {
    const netns = await site.namespace('small');
    const small = new TestHost(site, netns, { builtinSubnet: '10.94.0.0/29', builtinBridge: 'gntbr1' });
    const made: NetworkRecord[] = [];
    for (let i = 0; i < 5; i++) made.push((await site.podUp([], small)).record);
    expect(made.map((record) => record.ips[0])).toEqual([2, 3, 4, 5, 6].map((n) => `10.94.0.${n}`));
    await expect(site.podUp([], small)).rejects.toMatchObject({
      code: 'resource-exhausted',
      message: expect.stringContaining('all 5 pod addresses of 10.94.0.0/29 are in use'),
    });
    await small.tearDown(made[1] as NetworkRecord);
    expect((await site.podUp([], small)).record.ips).toEqual(['10.94.0.3']);
  });

  test('a namespace that is not there leaves nothing', async () => {
    const before = [site.reserved(), site.links()];
    const pod = { id: 'f'.repeat(64), netns: join(site.directory, 'nowhere') };
    await expect(host.setUp(requestFor(pod))).rejects.toThrow(/nowhere/);
    expect([site.reserved(), site.links()]).toEqual(before);
  });

  test('a killed server: the record that was announced is enough to clean up, at every moment', async () => {
    const before = [site.reserved(), site.links()];
    for (const delay of [0, 1, 2, 3, 5]) {
      const pod = await host.pod('crash');
      const request = requestFor(pod, { portMappings: [port(18300, 80)] });
      await host.call('setUpAndDie', request, delay).catch(() => undefined);
      await host.kill();
      host.start();
      expect(host.lastAnnounced?.request.podId).toBe(pod.id);
      await host.tearDown(host.lastAnnounced as NetworkRecord);
      expect([site.reserved(), site.links()]).toEqual(before);
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
    const live = records.filter((record) => site.reserved().includes(record.ips[0] ?? ''));
    const kept = live.flatMap((record) => record.ips.slice(0, 1));
    await host.call('collectGarbage', live);
    native().closeFd(lock);
    expect(site.reserved()).toEqual([...kept, address].sort());
    await host.call('collectGarbage', live);
    expect(site.reserved()).toEqual(kept.sort());
  });

  test('after a reboot (no bridge, no rules, no namespace) tear-down and new pods work', async () => {
    const { pod, record } = await site.podUp([port(18400, 80)]);
    await host.call('netnsRemove', pod.netns);
    await host.kill();
    site.sh(host.netns, 'ip link del gntbr0; nft flush ruleset');
    host.start();
    await host.tearDown(record);
    expect(site.reserved()).not.toContain(record.ips[0]);
    const { record: again } = await site.podUp([port(18400, 80)]);
    expect(site.isConnected(again)).toBe(true);
    await host.tearDown(again);
  });

  test('a bridge that was deleted under a running server is made again, and its pods are back on it', async () => {
    const old = await site.podUp();
    await site.serve(old.pod.netns, 'tcp', '::', 8080, 'old');
    site.sh(host.netns, 'ip link del gntbr0');
    const { pod, record } = await site.podUp();
    expect(site.isConnected(record)).toBe(true);
    expect(site.isConnected(old.record)).toBe(true);
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
    const mine = await site.podUp([port(18500, 80)]);
    await site.serve(mine.pod.netns, 'tcp', '::', 80, 'mine');
    const theirs = await site.podUp([port(18501, 80)], second);
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
  ])('%s is refused with the remedy, in status and for pods', async (_, config, message) => {
    const third = new TestHost(site, host.netns, { root: join(site.directory, 'third'), ...config });
    await expect(site.podUp([], third)).rejects.toThrow(message);
    expect(await third.status()).toMatchObject({
      ready: false,
      reason: 'NetworkPluginNotReady',
      message: expect.stringMatching(message),
    });
    await third.kill();
  });

  test('another link’s address may be of a network larger than any range of pods', async () => {
    site.sh(host.netns, 'ip addr add 240.0.0.1/4 dev gntup0');
    const config = {
      root: join(site.directory, 'large'),
      builtinBridge: 'gntbr4',
      builtinSubnet: '10.197.0.0/16',
    };
    const large = new TestHost(site, host.netns, config);
    const { record } = await site.podUp([], large);
    expect(record.ips).toEqual(['10.197.0.2']);
    await large.tearDown(record);
    await large.call('close');
    await large.kill();
    site.sh(host.netns, 'ip addr del 240.0.0.1/4 dev gntup0');
  });

  test('a FORWARD chain whose policy is to drop lets our pods through', async () => {
    const { pod, record } = await site.podUp();
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
    const { pod, record } = await site.podUp();
    expect(record.ips).toEqual(['10.96.0.2']);
    expect(site.ask(pod.netns, 'tcp', '192.0.2.2', 8080)).toBe('outside saw 192.0.2.1');
    await host.tearDown(record);
    await host.kill();
    host.start();
    const again = await site.podUp();
    expect(again.record.ips).toEqual(['10.96.0.3']);
    await host.tearDown(again.record);
    await expect(host.call('setPodCidr', 'nonsense')).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('the bridge stays while a pod uses it; nothing is left when every pod is torn down and the server ends', async () => {
  const { record: last } = await site.podUp();
  for (const record of records) if (record !== last) await host.tearDown(record);
  await host.call('close');
  expect(site.isConnected(last)).toBe(true);
  await host.tearDown(last);
  await host.call('close');
  expect([site.reserved(), site.links(), await host.call('link', 'gntbr0')]).toEqual([[], [], undefined]);
  expect(await host.call('nft', 'list tables')).not.toContain('gntbr0');
  const { record } = await site.podUp();
  expect(site.isConnected(record)).toBe(true);
  await host.tearDown(record);
});

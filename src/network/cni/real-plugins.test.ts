/** bridge, host-local and portmap as containernetworking ships them (built by hack/install into build/tools/cni). */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NetworkRecord } from '../index.ts';
import { CniFiles } from '../testing/cni-files.ts';
import { requestFor, TestHost, type TestPod, TestSite } from '../testing/host.ts';

const tools = fileURLToPath(new URL('../../../build/tools/cni', import.meta.url));
const site = new TestSite();
let host: TestHost;
let outside: string;
let reservations: string;

beforeAll(async () => {
  for (const name of ['bridge', 'host-local', 'portmap']) {
    if (!existsSync(join(tools, name)))
      throw new Error(`${join(tools, name)} is missing; hack/install builds it`);
  }
  const netns = await site.namespace('host');
  outside = await site.namespace('outside');
  site.sh(netns, `ip link add gntup0 type veth peer name gntup1 netns ${outside}`);
  site.sh(
    netns,
    'ip link set gntup0 up; ip addr add 192.0.2.1/24 dev gntup0; echo 1 > /proc/sys/net/ipv4/ip_forward',
  );
  site.sh(outside, 'ip link set gntup1 up; ip addr add 192.0.2.2/24 dev gntup1');
  host = new TestHost(site, netns, {
    network: 'auto',
    cniBinDirs: [tools],
    cniConfDir: join(site.directory, 'net.d'),
  });
  reservations = join(site.directory, 'ipam', 'gntnet');
  mkdirSync(host.config.cniConfDir, { recursive: true });
  writeFileSync(
    join(host.config.cniConfDir, '10-gnt.conflist'),
    JSON.stringify({
      cniVersion: '1.0.0',
      name: 'gntnet',
      plugins: [
        {
          type: 'bridge',
          bridge: 'gntcni0',
          isGateway: true,
          ipMasq: true,
          ipMasqBackend: 'nftables',
          hairpinMode: true,
          ipam: {
            type: 'host-local',
            dataDir: join(site.directory, 'ipam'),
            ranges: [[{ subnet: '10.97.0.0/24' }], [{ subnet: 'fd00:97::/64' }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
        { type: 'portmap', backend: 'nftables', capabilities: { portMappings: true } },
      ],
    }),
  );
});
afterAll(() => site.close());

const reserved = (): string[] =>
  readdirSync(reservations)
    .filter((name) => /^[0-9a-f].*[.:_]/.test(name))
    .sort();
const veths = (): string => site.sh(host.netns, 'ip -br link | grep ^veth || true');

test('pods get addresses, reach each other and the world, publish ports; all is gone after DEL', async () => {
  const a = await host.pod('a');
  const b = await host.pod('b');
  const mapping = { protocol: 'tcp' as const, containerPort: 80, hostPort: 18080, hostIp: '' };
  const first = await host.setUp(requestFor(a, { portMappings: [mapping] }));
  const second = await host.setUp(requestFor(b));
  expect(first.kind).toBe('cni');
  expect(first.ips).toEqual(['10.97.0.2', 'fd00:97::2']);
  await site.serve(a.netns, 'tcp', '::', 80, 'a');
  await site.serve(outside, 'tcp', '0.0.0.0', 8080, 'outside');
  expect(site.ask(b.netns, 'tcp', '10.97.0.2', 80)).toBe('a saw 10.97.0.3');
  expect(site.ask(b.netns, 'tcp', '192.0.2.2', 8080)).toBe('outside saw 192.0.2.1');
  expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toBe('a saw 192.0.2.2');
  expect(reserved()).toHaveLength(4);
  await host.tearDown(first);
  await host.tearDown(first);
  expect(site.ask(outside, 'tcp', '192.0.2.1', 18080)).toMatch(/^error/);
  await host.tearDown(second);
  expect(reserved()).toEqual([]);
  expect(veths()).toBe('');
});

test('a server killed at any moment of ADD leaves no address and no link, and foreign reservations stay', async () => {
  const foreign = join(reservations, '10.97.0.77');
  writeFileSync(foreign, 'somebody-else\r\neth0');
  for (const delay of [0, 10, 40, 80, 160]) {
    const pod: TestPod = await host.pod(`crash${delay}`);
    await host.call('setUpAndDie', requestFor(pod), delay).catch(() => undefined);
    await host.kill();
    host.start();
    await host.tearDown(host.lastAnnounced as NetworkRecord);
    expect(reserved()).toEqual(['10.97.0.77']);
    expect(veths()).toBe('');
  }
  await host.call('collectGarbage', []);
  expect(reserved()).toEqual(['10.97.0.77']);
});

test('DEL frees the address of a pod whose namespace has vanished', async () => {
  const pod = await host.pod('vanished');
  const record = await host.setUp(requestFor(pod));
  await host.call('netnsRemove', pod.netns);
  await host.tearDown(record);
  expect(reserved()).toEqual(['10.97.0.77']);
});

test('a single .conf with one plug-in works like a list', async () => {
  const other = new TestHost(site, host.netns, {
    network: 'cni',
    root: join(site.directory, 'single'),
    cniBinDirs: [tools],
    cniConfDir: join(site.directory, 'single.d'),
  });
  new CniFiles({ ...other.config, cniBinDirs: [join(site.directory, 'single.bin')] }).configure('10.conf', {
    cniVersion: '0.3.1',
    name: 'single',
    type: 'bridge',
    bridge: 'gntcni1',
    ipam: { type: 'host-local', dataDir: join(site.directory, 'ipam'), subnet: '10.98.0.0/24' },
  });
  const record = await other.setUp(requestFor(await other.pod('single')));
  expect(record.ips).toEqual(['10.98.0.2']);
  await other.tearDown(record);
  await other.kill();
});

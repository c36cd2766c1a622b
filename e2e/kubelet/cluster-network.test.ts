import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import { freePort } from '../images/index.ts';
import {
  agnhost,
  deleteAllBound,
  deleteBound,
  forever,
  isReady,
  KubeletNode,
  nodeIp,
  output,
  pod,
  runBound,
  storedWhen,
} from './harness/index.ts';

let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 195, controlPlane: true });
});
afterAll(async () => await node?.dispose());

const text = async (url: string): Promise<string> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return await answer.text();
};

test('a host port leads to the pod from the node and from other pods, and is free again when the pod is gone', async () => {
  const hostPort = await freePort();
  const serving = pod('serving', {
    containers: [
      {
        ...agnhost('netexec', '--http-port=8080'),
        ports: [{ containerPort: 8080, hostPort, protocol: 'TCP' }],
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
      },
    ],
  });
  const [server, client] = await Promise.all([
    runBound(node, serving, isReady),
    runBound(node, pod('asking', { containers: [forever] })),
  ]);
  expect(server.status['hostIPs']).toEqual([{ ip: nodeIp }]);
  const { podIP } = server.status;
  const { name } = server.metadata;
  expect(await text(`http://${podIP}:8080/hostname`)).toBe(name);
  expect(await text(`http://${nodeIp}:${hostPort}/hostname`)).toBe(name);
  expect(await output(node, client, `wget -qO- http://${podIP}:8080/hostname`)).toBe(name);
  expect(await output(node, client, `wget -qO- http://${nodeIp}:${hostPort}/hostname`)).toBe(name);
  await deleteBound(node, serving);
  const error = await fetch(`http://${nodeIp}:${hostPort}/`, { signal: AbortSignal.timeout(5000) }).catch(
    String,
  );
  expect(error).toMatch(/fetch failed/);

  const heir = pod('heir', {
    containers: [{ ...agnhost('netexec', '--http-port=8080'), ports: [{ containerPort: 8080, hostPort }] }],
  });
  await runBound(node, heir);
  await eventually(
    async () => await text(`http://${nodeIp}:${hostPort}/hostname`).catch(String),
    (answer) => answer === heir.metadata.name,
  );
});

test("a pod's name, domain, hosts and resolver are those that it asks for", async () => {
  const manifest = pod('named', {
    hostname: 'first',
    subdomain: 'sub',
    hostAliases: [{ ip: '10.9.8.7', hostnames: ['alias', 'alias.test'] }],
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['10.231.0.99'],
      searches: ['one.test', 'two.test'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    },
    containers: [forever],
  });
  const found = await runBound(node, manifest);
  const domain = 'first.sub.default.svc.cluster.local';
  expect(await output(node, found, 'hostname; cat /proc/sys/kernel/hostname')).toBe('first\nfirst');
  const hosts = (await output(node, found, 'cat /etc/hosts'))
    .split('\n')
    .map((line) => line.split(/\s+/).join(' '));
  expect(hosts).toContain(`${found.status.podIP} ${domain} first`);
  expect(hosts).toContain('10.9.8.7 alias alias.test');
  // The kubelet puts the options in no order.
  const resolver = (await output(node, found, 'cat /etc/resolv.conf'))
    .split('\n')
    .map((line) => line.split(' ').sort());
  expect(resolver).toEqual([
    ['one.test', 'search', 'two.test'],
    ['10.231.0.99', 'nameserver'],
    ['edns0', 'ndots:2', 'options'],
  ]);
});

test("the whole name may be the host's", async () => {
  const manifest = pod('fqdn', {
    hostname: 'full',
    subdomain: 'sub',
    setHostnameAsFQDN: true,
    containers: [forever],
  });
  const found = await runBound(node, manifest);
  expect(await output(node, found, 'hostname')).toBe('full.sub.default.svc.cluster.local');
});

test("the name may be another than every part of the pod's", async () => {
  const manifest = pod('override', { hostnameOverride: 'quite.another', containers: [forever] });
  const found = await runBound(node, manifest);
  expect(await output(node, found, 'hostname')).toBe('quite.another');
});

test("the cluster's resolver is the default, the node's where it is asked for", async () => {
  const cluster = await runBound(node, pod('cluster-dns', { containers: [forever] }));
  expect(await output(node, cluster, 'cat /etc/resolv.conf')).toBe(
    'search default.svc.cluster.local svc.cluster.local cluster.local e2e.test\n' +
      'nameserver 10.231.0.54\noptions ndots:5',
  );
  const own = await runBound(node, pod('node-dns', { dnsPolicy: 'Default', containers: [forever] }));
  expect(await output(node, own, 'cat /etc/resolv.conf')).toBe(
    'search e2e.test\nnameserver 10.231.0.53\noptions ndots:3',
  );
  const host = await runBound(node, pod('host', { hostNetwork: true, containers: [forever] }));
  expect(host.status.podIP).toBe(nodeIp);
  expect(await output(node, host, 'ip -4 -o address show ge-node')).toContain(nodeIp);
});

test('sysctls of the pod hold in it, and what the node does not allow is refused', async () => {
  const sysctls = [
    { name: 'net.ipv4.ip_unprivileged_port_start', value: '80' },
    { name: 'kernel.shm_rmid_forced', value: '1' },
  ];
  const found = await runBound(node, pod('sysctls', { securityContext: { sysctls }, containers: [forever] }));
  const read = 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced';
  expect(await output(node, found, read)).toBe('80\n1');
  const unsafe = [{ name: 'net.core.somaxconn', value: '999' }];
  const refused = pod('unsafe', { securityContext: { sysctls: unsafe }, containers: [forever] });
  await runBound(node, refused, () => true).catch(() => undefined);
  const { status } = await storedWhen(node, refused, (seen) => seen.status.phase === 'Failed');
  expect(status.reason).toBe('SysctlForbidden');
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});

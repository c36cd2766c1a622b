import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import { freePort } from '../images/index.ts';
import {
  agnhost,
  forever,
  isReady,
  KubeletNode,
  manyAtOnce,
  nodeIp,
  type Pod,
  pod,
  removeStatic,
  run,
  runStatic,
  runToEnd,
  sh,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 165 });
});
afterAll(async () => await node?.dispose());

const kinds = ['net', 'ipc', 'uts', 'pid', 'mnt', 'user', 'cgroup'] as const;
const host = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`);

/** What kinds of namespaces a container is in, as the kernel numbers them. */
async function namespaces(found: Pod, container = 'main'): Promise<Record<string, string>> {
  const { stdout } = await run(node, found, kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join(';'), {
    container,
  });
  const lines = stdout.split('\n');
  return Object.fromEntries(kinds.map((kind, at) => [kind, lines[at] ?? '']));
}

const two = [forever, { name: 'other', ...forever }];

describe.concurrent("a pod's namespaces", () => {
  test('are its own, and shared by its containers but for processes and mounts', async () => {
    const manifest = pod('default', { containers: two });
    const up = await runStatic(node, manifest);
    const [a, b] = [await namespaces(up), await namespaces(up, 'other')];
    for (const kind of ['net', 'ipc', 'uts', 'pid', 'mnt'] as const) expect(a[kind]).not.toBe(host(kind));
    for (const kind of ['net', 'ipc', 'uts', 'user'] as const) expect(a[kind]).toBe(b[kind]);
    for (const kind of ['pid', 'mnt'] as const) expect(a[kind]).not.toBe(b[kind]);
    expect(a['user']).toBe(host('user'));
    await run(node, up, 'echo shared > /dev/shm/file');
    expect((await run(node, up, 'cat /dev/shm/file; hostname', { container: 'other' })).stdout).toBe(
      `shared\n${up.metadata.name}`,
    );
    await removeStatic(node, manifest);
  });

  test('with shareProcessNamespace let containers see, signal and look into each other', async () => {
    const manifest = pod('shared', {
      shareProcessNamespace: true,
      restartPolicy: 'OnFailure',
      containers: [
        sh('echo mine > /tmp/file; trap "exit 0" TERM; sleep 12321 & wait'),
        { name: 'other', ...forever },
      ],
    });
    const up = await runStatic(node, manifest);
    expect((await namespaces(up))['pid']).toBe((await namespaces(up, 'other'))['pid']);
    const inOther = { container: 'other' };
    await eventually(
      async () => (await run(node, up, 'pgrep -xf "sleep 12321"', inOther)).code,
      (code) => code === 0,
    );
    const find = 'P=$(pgrep -xf "sleep 12321")';
    expect(
      (
        await run(
          node,
          up,
          `${find}; cat /proc/$P/root/tmp/file; readlink /proc/1/exe || cat /proc/1/comm`,
          inOther,
        )
      ).stdout,
    ).toMatch(/^mine\n/);
    expect((await run(node, up, `${find}; kill $P`, inOther)).code).toBe(0);
    await removeStatic(node, manifest);
  });

  test('with hostNetwork are the host’s: its addresses, name and ports', async () => {
    const port = await freePort();
    const manifest = pod('host-network', {
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      containers: [
        {
          ...agnhost('netexec', `--http-port=${port}`),
          readinessProbe: { periodSeconds: 1, tcpSocket: { port } },
        },
      ],
    });
    const up = await runStatic(node, manifest, isReady);
    expect((await namespaces(up))['net']).toBe(host('net'));
    expect((await namespaces(up))['uts']).toBe(host('uts'));
    expect(await (await fetch(`http://${nodeIp}:${port}/echo?msg=hi`)).text()).toBe('hi');
    expect((await run(node, up, 'grep ^nameserver /etc/resolv.conf')).stdout).toBe('nameserver 10.231.0.54');
    await removeStatic(node, manifest);
    await expect(fetch(`http://${nodeIp}:${port}/`)).rejects.toThrow();
  });

  test('with hostPID hold the host’s processes', async () => {
    const manifest = pod('host-pid', { hostPID: true, containers: two });
    const up = await runStatic(node, manifest);
    expect((await namespaces(up))['pid']).toBe(host('pid'));
    expect((await run(node, up, `cat /proc/${node.kubelet.pid}/comm`)).stdout).toBe('kubelet');
    await removeStatic(node, manifest);
  });

  test('with hostIPC are the host’s', async () => {
    const manifest = pod('host-ipc', { hostIPC: true, containers: [forever] });
    const up = await runStatic(node, manifest);
    expect((await namespaces(up))['ipc']).toBe(host('ipc'));
    expect((await run(node, up, 'ipcs -m')).code).toBe(0);
    await removeStatic(node, manifest);
  });

  test('with hostUsers: false hold a user namespace of 65536 ids, not the host’s', async () => {
    const manifest = pod('users', {
      hostUsers: false,
      volumes: [{ name: 'e', emptyDir: {} }],
      containers: [{ ...forever, volumeMounts: [{ name: 'e', mountPath: '/e' }] }],
    });
    const up = await runStatic(node, manifest);
    expect((await namespaces(up))['user']).not.toBe(host('user'));
    const { stdout } = await run(
      node,
      up,
      'cat /proc/self/uid_map; touch /e/file; stat -c %u /e/file; id -u',
    );
    const [map = '', owner, user] = stdout.split('\n');
    const [inside, outside, size] = map.trim().split(/\s+/).map(Number);
    expect([inside, size]).toEqual([0, 65_536]);
    expect(outside).toBeGreaterThanOrEqual(65_536);
    expect([owner, user]).toEqual(['0', '0']);
    await removeStatic(node, manifest);
  });
});

describe.concurrent('the network', () => {
  test('gives each pod an address that the others and the host reach', async () => {
    const server = pod('server', {
      containers: [
        {
          ...agnhost('netexec', '--http-port=8080'),
          readinessProbe: { periodSeconds: 1, httpGet: { path: '/', port: 8080 } },
        },
      ],
    });
    const up = await runStatic(node, server, isReady);
    const { podIP = '' } = up.status;
    const asked = await runToEnd(
      node,
      pod('client', { containers: [sh(`wget -qO- http://${podIP}:8080/clientip`)] }),
    );
    expect(await node.kubelet.api.logs(asked, 'main')).toMatch(new RegExp(`^${asked.status.podIP}:\\d+$`));
    expect(await (await fetch(`http://${podIP}:8080/hostname`)).text()).toBe(up.metadata.name);
    await removeStatic(node, server);
  });

  test('maps host ports, TCP and UDP', async () => {
    const hostPort = await freePort();
    const manifest = pod('host-port', {
      containers: [
        {
          ...agnhost('netexec', '--http-port=8080', '--udp-port=8081'),
          readinessProbe: { periodSeconds: 1, tcpSocket: { port: 8080 } },
          ports: [
            { containerPort: 8080, hostPort },
            { containerPort: 8081, hostPort, protocol: 'UDP' },
          ],
        },
      ],
    });
    const up = await runStatic(node, manifest, isReady);
    expect(await (await fetch(`http://${nodeIp}:${hostPort}/hostname`)).text()).toBe(up.metadata.name);
    const asked = await runToEnd(
      node,
      pod('udp', { containers: [agnhost('connect', `${nodeIp}:${hostPort}`, '--protocol=udp')] }),
    );
    expect(asked.status.phase).toBe('Succeeded');
    await removeStatic(node, manifest);
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerId,
  deleteAllBound,
  forever,
  KubeletNode,
  nodeIp,
  nodeName,
  output,
  type Pod,
  pod,
  run,
  runBound,
  statusOf,
} from './harness/index.ts';

/** Its user 1000 is a member of group 50000 by its own /etc/group. */
const groupsImage = 'gcr.io/k8s-staging-cri-tools/test-image-predefined-group:latest';

let node: KubeletNode;
let shared: string;
beforeAll(async () => {
  node = await KubeletNode.create({
    subnet: 192,
    controlPlane: true,
    config: { featureGates: { UserNamespacesHostNetworkSupport: true, VolumeBindMountOptions: true } },
  });
  shared = join(node.world.directory, 'shared');
  mkdirSync(join(shared, 'below'), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'below', join(shared, 'below')]);
  const { client } = node.controlPlane;
  await client.create('/api/v1/namespaces/default/configmaps', {
    metadata: { name: 'map' },
    data: { key: 'value' },
  });
});
afterAll(async () => {
  spawnSync('umount', [join(shared, 'below')]);
  await node?.dispose();
});

describe('recursively read-only mounts', () => {
  const mounting = async (recursiveReadOnly: string): Promise<Pod> =>
    await runBound(
      node,
      pod(`rro-${recursiveReadOnly.toLowerCase()}`, {
        containers: [
          {
            ...forever,
            volumeMounts: [{ name: 'host', mountPath: '/host', readOnly: true, recursiveReadOnly }],
          },
        ],
        volumes: [{ name: 'host', hostPath: { path: shared } }],
      }),
    );
  const stated = (found: Pod): unknown =>
    (statusOf(found)['volumeMounts'] as { name: string; recursiveReadOnly?: string }[]).find(
      ({ name }) => name === 'host',
    )?.recursiveReadOnly;

  test.each([
    { asked: 'Disabled', is: 'Disabled', below: 0 },
    { asked: 'Enabled', is: 'Enabled', below: 1 },
    { asked: 'IfPossible', is: 'Enabled', below: 1 },
  ])('$asked is $is', async ({ asked, is, below }) => {
    const found = await mounting(asked);
    expect(stated(found)).toBe(is);
    expect((await run(node, found, 'touch /host/x')).stderr).toMatch(/Read-only file system/);
    expect((await run(node, found, 'touch /host/below/x')).code).toBe(below);
  });
});

describe('supplemental groups', () => {
  test.each([
    { policy: 'Merge', groups: [50_000, 60_000, 70_000] },
    { policy: 'Strict', groups: [60_000, 70_000] },
  ])('$policy', async ({ policy, groups }) => {
    const manifest = pod(`groups-${policy.toLowerCase()}`, {
      securityContext: {
        runAsUser: 1000,
        fsGroup: 60_000,
        supplementalGroups: [70_000],
        supplementalGroupsPolicy: policy,
      },
      containers: [{ ...forever, image: groupsImage }],
    });
    const found = await runBound(node, manifest);
    const gid = Number(await output(node, found, 'id -g'));
    expect((await output(node, found, 'id -G')).split(' ').map(Number).sort()).toEqual(
      [gid, ...groups].sort(),
    );
    const { linux } = statusOf(found)['user'] as {
      linux: { uid: number; gid: number; supplementalGroups: number[] };
    };
    expect({ uid: linux.uid, gid: linux.gid }).toEqual({ uid: 1000, gid });
    expect(linux.supplementalGroups.filter((group) => group !== gid).sort()).toEqual(groups);
  });
});

describe('user namespaces', () => {
  test('a pod of its own users has volumes as every pod, whose files on the host are those of its users inside', async () => {
    writeFileSync(join(shared, 'from-host'), 'host\n', { mode: 0o600 });
    const volumeMounts = [
      { name: 'host', mountPath: '/host' },
      { name: 'scratch', mountPath: '/scratch' },
      { name: 'memory', mountPath: '/memory' },
      { name: 'map', mountPath: '/map' },
    ];
    const manifest = pod('users', {
      hostUsers: false,
      securityContext: { fsGroup: 5555 },
      containers: [
        { ...forever, volumeMounts },
        { name: 'other', ...forever, securityContext: { runAsUser: 1234 }, volumeMounts },
      ],
      volumes: [
        { name: 'host', hostPath: { path: shared } },
        { name: 'scratch', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory' } },
        { name: 'map', configMap: { name: 'map', defaultMode: 0o440 } },
      ],
    });
    const found = await runBound(node, manifest);
    const [inside, outside, length] = (await output(node, found, 'cat /proc/self/uid_map'))
      .trim()
      .split(/ +/);
    expect([inside, length]).toEqual(['0', '65536']);
    expect(Number(outside)).toBeGreaterThanOrEqual(65_536);
    expect(await output(node, found, 'id -u; cat /host/from-host; cat /map/key')).toBe('0\nhost\nvalue');
    expect(await output(node, found, 'stat -c "%u %g" /scratch /memory; stat -Lc "%u %g" /map/key')).toBe(
      '0 5555\n0 5555\n0 5555',
    );
    await output(node, found, 'touch /host/by-root /scratch/by-root');
    await output(node, found, 'touch /scratch/by-other /memory/by-other; cat /map/key', {
      container: 'other',
    });
    expect(statSync(join(shared, 'by-root')).uid).toBe(0);
    const scratch = join(node.podDirectory(found), 'volumes/kubernetes.io~empty-dir/scratch');
    expect(statSync(join(scratch, 'by-other')).uid).toBe(1234);
    const { info } = await node.world.cri.call('ContainerStatus', {
      containerId: containerId(found),
      verbose: true,
    });
    const { pid } = JSON.parse(info['info'] ?? '{}') as { pid: number };
    expect(statSync(`/proc/${pid}`).uid).toBe(Number(outside));
  });

  test('two pods share no users', async () => {
    const first = await runBound(node, pod('users', { hostUsers: false, containers: [forever] }));
    const second = await runBound(node, pod('users', { hostUsers: false, containers: [forever] }));
    const map = 'cat /proc/self/uid_map';
    expect(await output(node, first, map)).not.toBe(await output(node, second, map));
    const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
    expect(await output(node, first, `wc -c < ${token}`)).toMatch(/^\d{3,}$/);
  });

  test('only there may /proc be whole', async () => {
    const unmasked = { securityContext: { procMount: 'Unmasked' } };
    const found = await runBound(
      node,
      pod('proc', { hostUsers: false, containers: [{ ...forever, ...unmasked }] }),
    );
    const masked = await runBound(node, pod('proc', { hostUsers: false, containers: [forever] }));
    const mounts = 'grep -c " /proc/" /proc/self/mountinfo; :';
    expect(await output(node, found, mounts)).toBe('0');
    expect(Number(await output(node, masked, mounts))).toBeGreaterThan(3);
  });

  test('a pod of its own users may be in the network of the host', async () => {
    const manifest = pod('users-host', { hostUsers: false, hostNetwork: true, containers: [forever] });
    const found = await runBound(node, manifest);
    expect(found.status.podIP).toBe(nodeIp);
    expect(await output(node, found, 'cat /proc/self/uid_map')).toMatch(/^ *0 +[1-9]\d{4,} +65536$/);
    expect(await output(node, found, 'ip -4 -o address show ge-node')).toContain(nodeIp);
    // Root of other users than the network's has no power over it.
    expect((await run(node, found, 'ip link set ge-node mtu 1400')).stderr).toMatch(/not permitted/);
    await declares('UserNamespacesHostNetworkSupport');
  });
});

test('mounts have the options that they ask for, and no program runs from one that is not for programs', async () => {
  const bindMountOptions = ['noexec', 'nosuid', 'nodev'];
  const manifest = pod('options', {
    containers: [
      {
        ...forever,
        volumeMounts: [
          { name: 'scratch', mountPath: '/plain' },
          { name: 'scratch', mountPath: '/strict', bindMountOptions },
        ],
      },
    ],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  });
  const found = await runBound(node, manifest);
  expect(await output(node, found, 'cp /bin/busybox /plain/echo; /plain/echo hello')).toBe('hello');
  expect((await run(node, found, '/strict/echo hello')).stderr).toMatch(/Permission denied/);
  const options = await output(node, found, 'grep " /strict " /proc/self/mountinfo');
  for (const option of bindMountOptions) expect(options.split(' ')[5]?.split(',')).toContain(option);
  await declares('VolumeBindMountOptions');
});

/** To the scheduler, which places only there the pods that need it. */
async function declares(feature: string): Promise<void> {
  const path = `/api/v1/nodes/${nodeName}`;
  const { status } = await node.controlPlane.client.get<{ status: { declaredFeatures: string[] } }>(path);
  expect(status.declaredFeatures).toContain(feature);
}

test('nothing is left', async () => {
  await deleteAllBound(node);
  execFileSync('umount', [join(shared, 'below')]);
  expect(await node.leftovers()).toEqual([]);
});

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerConfigInit, PodSandboxConfigInit } from '../../src/cri-types/index.ts';
import {
  createContainer,
  exec,
  failure,
  logOf,
  makeVolume,
  mountVolume,
  type Pod,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from '../harness/index.ts';

const FIRST = 400_000;
const mapping = [{ hostId: FIRST, containerId: 0, length: 65_536 }];
const usernsOptions = { mode: 'POD' as const, uids: mapping, gids: mapping };

let world: World;
let pods: Pod[] = [];
let mounted: string[] = [];

beforeAll(async () => {
  world = await World.create({ subnet: 171 });
  await pull(world, shellImage);
});
afterAll(() => world.dispose());
beforeEach(() => {
  pods = [];
  mounted = [];
});
afterEach(async () => {
  for (const pod of pods) await removePod(world, pod);
  for (const path of mounted) execFileSync('umount', [path]);
});

type Network = 'POD' | 'NODE';
type Security = NonNullable<NonNullable<ContainerConfigInit['linux']>['securityContext']>;

const namespaces = (network: Network, more: object = {}) => ({ network, usernsOptions, ...more });
const podIn = async (network: Network, linux: NonNullable<PodSandboxConfigInit['linux']> = {}) => {
  const securityContext = { ...linux.securityContext, namespaceOptions: namespaces(network) };
  const pod = await runPod(world, { linux: { ...linux, securityContext } });
  pods.push(pod);
  return pod;
};
const inPod = (network: Network, config: ContainerConfigInit = {}, security: Security = {}, own = {}) => ({
  ...config,
  linux: {
    ...config.linux,
    securityContext: { ...security, namespaceOptions: namespaces(network, own) },
  },
});
const say = async (id: string, text: string): Promise<string> => {
  const { text: said, exitCode, stderr } = await exec(world, id, text);
  if (exitCode !== 0) throw new Error(`${text}: ${exitCode}: ${Buffer.from(stderr).toString()}`);
  return said;
};
const directory = (name: string): string => {
  const path = join(world.directory, name);
  mkdirSync(path, { recursive: true });
  return path;
};
const mapped = (hostPath: string, containerPath: string) => ({
  hostPath,
  containerPath,
  uidMappings: mapping,
  gidMappings: mapping,
});

describe.each(['POD', 'NODE'] as const)('a user namespace, network of the %s', (network) => {
  test('root inside is nobody outside; the image, /dev and the pod’s files are its own', async () => {
    const pod = await podIn(network);
    const id = await startContainer(world, pod, inPod(network));
    expect(await say(id, 'id -u; tr -s " " < /proc/self/uid_map; tr -s " " < /proc/self/gid_map')).toBe(
      `0\n 0 ${FIRST} 65536\n 0 ${FIRST} 65536`,
    );
    const { info } = await world.cri.call('ContainerStatus', { containerId: id, verbose: true });
    const { pid } = JSON.parse(info['info'] ?? '{}') as { pid?: number };
    if (pid !== undefined) expect(statSync(`/proc/${pid}`).uid).toBe(FIRST);
    expect(
      await say(id, 'stat -c "%u:%g" / /bin /etc /etc/hosts /etc/resolv.conf /dev /dev/shm /proc/1'),
    ).toBe(Array(8).fill('0:0').join('\n'));
    expect(
      await say(id, 'echo x > /etc/hosts && touch /new /dev/shm/new && chown 7:8 /new && stat -c %u:%g /new'),
    ).toBe('7:8');
    const upper = join(world.gantry.root, 'pods', pod.id, 'apps', id, 'writable/upper/new');
    expect([statSync(upper).uid, statSync(upper).gid]).toEqual([FIRST + 7, FIRST + 8]);
  });

  test.each([0, 1002])('user %i can open its standard output and error again', async (uid) => {
    const pod = await podIn(network);
    const security = { runAsUser: { value: BigInt(uid) } };
    const reopen = 'echo out > /dev/stdout; echo error > /dev/stderr';
    const config = { metadata: { name: 'writer', attempt: 0 }, logPath: 'writer.log', ...script(reopen) };
    const writer = await startContainer(world, pod, inPod(network, config, security));
    expect((await waitForExit(world, writer)).exitCode).toBe(0);
    expect(logOf(pod, 'writer').split('\n').sort()).toEqual(['', 'error', 'out']);
    const id = await startContainer(world, pod, inPod(network, {}, security));
    const { text, stderr, exitCode } = await exec(world, id, reopen);
    expect([text, Buffer.from(stderr).toString(), exitCode]).toEqual(['out', 'error\n', 0]);
  });

  test('cannot do to the host what only its root may', async () => {
    const id = await startContainer(world, await podIn(network), inPod(network, {}, { privileged: false }));
    for (const deed of [
      'echo 1 > /proc/sys/kernel/panic',
      'mknod /x c 1 1',
      'mount -t tmpfs x /tmp',
      'echo x > /sys/kernel/uevent_seqnum',
    ]) {
      expect([deed, (await exec(world, id, deed)).exitCode]).not.toEqual([deed, 0]);
    }
  });

  test('volumes of every kind belong to whom they belong to', async () => {
    const path = directory(`volume-${network}`);
    writeFileSync(join(path, 'file'), 'text\n');
    chownSync(join(path, 'file'), 1000, 1001);
    const tmpfs = directory(`tmpfs-${network}`);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0777', 'e2e', tmpfs]);
    mounted.push(tmpfs);
    const closed = directory(`closed-${network}`);
    writeFileSync(join(closed, 'hosts'), '127.0.0.1 own\n');
    chmodSync(closed, 0o700);
    const mounts = [
      mapped(path, '/volume'),
      mapped(tmpfs, '/memory'),
      mapped(join(closed, 'hosts'), '/etc/hosts'),
      { ...mapped(path, '/readonly'), readonly: true, recursiveReadOnly: true },
    ];
    const id = await startContainer(world, await podIn(network), inPod(network, { mounts }));
    expect(await say(id, 'cat /volume/file /etc/hosts; stat -c %u:%g /volume/file /etc/hosts')).toBe(
      'text\n127.0.0.1 own\n1000:1001\n0:0',
    );
    await say(id, 'touch /volume/new /memory/new; chown 5:6 /volume/new /memory/new; echo x >> /etc/hosts');
    for (const file of [join(path, 'new'), join(tmpfs, 'new')]) {
      expect([statSync(file).uid, statSync(file).gid]).toEqual([5, 6]);
    }
    expect((await exec(world, id, 'touch /readonly/x')).exitCode).not.toBe(0);
  });

  test('a volume without mappings is nobody’s', async () => {
    const path = directory(`plain-${network}`);
    const id = await startContainer(
      world,
      await podIn(network),
      inPod(network, { mounts: [{ hostPath: path, containerPath: '/volume' }] }),
    );
    expect(await say(id, 'stat -c %u:%g /volume')).toBe('65534:65534');
  });

  test('a volume whose file system cannot be mapped is refused by name', async () => {
    const path = directory(`merged-${network}`);
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => directory(`${name}-${network}`));
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    execFileSync('mount', ['-t', 'overlay', '-o', options, 'e2e', path]);
    mounted.push(path);
    const pod = await podIn(network);
    const error = await failure(
      createContainer(world, pod, inPod(network, { mounts: [mapped(path, '/volume')] })),
    );
    expect(error.message).toMatch(/merged-.*does not support ID-mapped mounts/);
    await startContainer(world, pod, inPod(network));
  });

  test('a file system below a volume is mapped too', async () => {
    const path = directory(`outer-${network}`);
    const volume = makeVolume(join(world.directory, `image-${network}`), 16);
    mountVolume(volume, join(path, 'inner'));
    mounted.push(join(path, 'inner'));
    execFileSync('losetup', ['--detach', volume.device]); // as soon as it is unmounted
    const id = await startContainer(
      world,
      await podIn(network),
      inPod(network, { mounts: [mapped(path, '/volume')] }),
    );
    await say(id, 'touch /volume/inner/new');
    expect(statSync(join(path, 'inner/new')).uid).toBe(0);
    await world.cri.call('StopContainer', { containerId: id, timeout: 0n });
  });

  test('privileged is privileged inside only', async () => {
    const pod = await podIn(network, { securityContext: { privileged: true } });
    const id = await startContainer(world, pod, inPod(network, {}, { privileged: true }));
    expect(
      await say(id, 'mkdir /mnt; mount -t tmpfs x /mnt && echo mounted; ls /dev/loop-control /dev/null'),
    ).toContain('mounted');
    expect((await exec(world, id, 'echo 1 > /proc/sys/kernel/panic')).exitCode).not.toBe(0);
    expect((await exec(world, id, 'mknod /x c 1 1')).exitCode).not.toBe(0);
    expect(await say(id, 'id -u; tr -s " " < /proc/self/uid_map')).toBe(`0\n 0 ${FIRST} 65536`);
  });

  test('a process of another container can be the target', async () => {
    const pod = await podIn(network);
    const target = await startContainer(
      world,
      pod,
      inPod(network, { command: ['sleep', '31000'] }, {}, { pid: 'CONTAINER' }),
    );
    const id = await startContainer(world, pod, inPod(network, {}, {}, { pid: 'TARGET', targetId: target }));
    expect(await say(id, 'tr "\\0" " " < /proc/1/cmdline; readlink /proc/1/root')).toMatch(/^sleep 31000/);
  });

  test('with its processes shared, on a read-only root, as another user, with an exec', async () => {
    const pod = await podIn(network);
    const config = inPod(
      network,
      {},
      { readonlyRootfs: true, runAsUser: { value: 1234n }, noNewPrivs: true },
    );
    const id = await startContainer(world, pod, config);
    expect(await say(id, 'id -u; cat /proc/1/comm; touch /x 2>&1 || true')).toBe(
      '1234\ngantry-init\ntouch: /x: Read-only file system',
    );
  });
});

test('on its own network: low ports, sysctls of its own, interfaces of its own', async () => {
  const pod = await podIn('POD', {
    sysctls: { 'net.ipv4.tcp_syncookies': '0', 'kernel.shmmax': '12345678' },
  });
  const id = await startContainer(world, pod, inPod('POD', {}, { runAsUser: { value: 1000n } }));
  expect(await say(id, 'cat /proc/sys/net/ipv4/tcp_syncookies /proc/sys/kernel/shmmax')).toBe('0\n12345678');
  expect(
    await say(id, '(nc -l -p 80 127.0.0.1 -e echo hello &) ; sleep 0.3; echo | nc 127.0.0.1 80'),
  ).toContain('hello');
  expect(await say(id, 'ls /sys/class/net | tr "\\n" " "')).toMatch(/^eth0 lo ?$/);
});

test('on the host’s network: its interfaces, its listeners, a /sys that is there and read-only', async () => {
  const server = createServer((socket) => socket.end('from the host\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    const id = await startContainer(world, await podIn('NODE'), inPod('NODE'));
    expect(await say(id, `nc 127.0.0.1 ${port} < /dev/null`)).toBe('from the host');
    const seen = await say(id, 'ip link');
    for (const name of Object.keys(networkInterfaces())) expect(seen).toContain(` ${name}`);
    expect(await say(id, 'ls /sys/class/net')).toContain('lo');
    expect(await say(id, 'cat /etc/hostname')).toBe(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
    expect((await exec(world, id, 'echo 1 > /sys/class/net/lo/mtu')).exitCode).not.toBe(0);
    expect(await say(id, 'ls /sys/fs/cgroup | wc -l')).not.toBe('0');
    expect((await exec(world, id, 'ip link set lo mtu 65000')).exitCode).not.toBe(0);
  } finally {
    server.close();
  }
});

test('Status says that both are possible', async () => {
  const { features, runtimeHandlers } = await world.cri.call('Status', {});
  expect(features?.userNamespacesHostNetwork).toBe(true);
  const having = runtimeHandlers.filter(({ features: its }) => its?.userNamespaces).map(({ name }) => name);
  expect(having).toEqual(expect.arrayContaining(['', 'gantry']));
});

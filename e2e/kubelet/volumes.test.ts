import { mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  type Container,
  forever,
  KubeletNode,
  manyAtOnce,
  onHost,
  pod,
  podWhen,
  removeStatic,
  run,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
let socket: Server;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 164 });
  socket = createServer().listen(hostFile('socket'));
});
afterAll(async () => {
  socket?.close();
  await node?.dispose();
});

const hostFile = (name: string): string => join(node.world.directory, name);
const mount = (name: string, at = `/${name}`, more = {}): object => ({ name, mountPath: at, ...more });
const mounts = (...volumeMounts: object[]): Container => ({ volumeMounts });
const output = async (manifest: ReturnType<typeof pod>): Promise<string> => {
  const done = await runToEnd(node, manifest);
  return (await node.kubelet.api.logs(done, 'main')).trim();
};

describe.concurrent('hostPath', () => {
  test('of every type that there is, is what it is', async () => {
    mkdirSync(hostFile('directory'));
    writeFileSync(hostFile('file'), 'content\n');
    onHost('mknod', hostFile('block'), 'b', '7', '0');
    const types = {
      Directory: hostFile('directory'),
      File: hostFile('file'),
      DirectoryOrCreate: hostFile('new/directory'),
      FileOrCreate: hostFile('new-file'),
      Socket: hostFile('socket'),
      CharDevice: '/dev/null',
      BlockDevice: hostFile('block'),
    };
    const volumes = Object.entries(types).map(([type, path]) => ({
      name: type.toLowerCase(),
      hostPath: { path, type },
    }));
    const names = volumes.map(({ name }) => name);
    const text = await output(
      pod('types', {
        volumes,
        containers: [
          {
            ...sh(
              `cat /v/file; stat -c %F ${names.map((name) => `/v/${name}`).join(' ')}; echo in > /v/fileorcreate`,
            ),
            ...mounts(...names.map((name) => mount(name, `/v/${name}`))),
          },
        ],
      }),
    );
    const [file, directory, empty] = ['regular file', 'directory', 'regular empty file'];
    expect(text.split('\n')).toEqual([
      'content',
      directory,
      file,
      directory,
      empty,
      'socket',
      'character special file',
      'block special file',
    ]);
    expect(readFileSync(hostFile('new-file'), 'utf8')).toBe('in\n');
    expect(statSync(hostFile('new/directory')).mode & 0o777).toBe(0o755);
  });

  test('of another type than is asked for keeps the pod waiting, until it is right', async () => {
    const path = hostFile('late');
    const manifest = pod('wrong-type', {
      volumes: [{ name: 'v', hostPath: { path, type: 'Directory' } }],
      containers: [{ ...forever, ...mounts(mount('v')) }],
    });
    await runStatic(node, manifest, (found) => statusOf(found).state.waiting?.reason === 'ContainerCreating');
    await eventually(
      () => node.kubelet.log.includes(`${path} is not a directory`),
      (isSaid) => isSaid,
    );
    mkdirSync(path);
    await podWhen(node, manifest, (found) => statusOf(found).state.running !== undefined);
    await removeStatic(node, manifest);
  });

  test('without a type is made where nothing is', async () => {
    const path = hostFile('untyped/deep');
    const text = await output(
      pod('untyped', {
        volumes: [{ name: 'v', hostPath: { path } }],
        containers: [{ ...sh('stat -c %F /v'), ...mounts(mount('v')) }],
      }),
    );
    expect(text).toBe('directory');
    expect(statSync(path).isDirectory()).toBe(true);
  });

  test('read-only is not written to, and the same volume elsewhere is', async () => {
    mkdirSync(hostFile('shared'));
    const text = await output(
      pod('read-only', {
        volumes: [{ name: 'v', hostPath: { path: hostFile('shared'), type: 'Directory' } }],
        containers: [
          {
            ...sh('echo x > /w/file; touch /r/file 2>&1; cat /r/file'),
            ...mounts(mount('v', '/w'), mount('v', '/r', { readOnly: true })),
          },
        ],
      }),
    );
    expect(text).toMatch(/Read-only file system\nx$/);
  });

  test('propagates mounts as it is told: none, from the host, to the host', async () => {
    const path = hostFile('propagation');
    mkdirSync(path);
    onHost('mount', '--bind', path, path);
    onHost('mount', '--make-shared', path);
    const container = (name: string, mountPropagation: string, privileged = false): Container => ({
      name,
      ...forever,
      securityContext: { privileged },
      ...mounts(mount('v', '/v', { mountPropagation })),
    });
    const manifest = pod('propagation', {
      volumes: [{ name: 'v', hostPath: { path, type: 'Directory' } }],
      containers: [
        container('none', 'None'),
        container('down', 'HostToContainer'),
        container('both', 'Bidirectional', true),
      ],
    });
    const up = await runStatic(node, manifest);
    for (const name of ['host', 'inside']) mkdirSync(join(path, name));
    onHost('mount', '-t', 'tmpfs', 'e2e', join(path, 'host'));
    writeFileSync(join(path, 'host/seen'), '');
    await run(node, up, 'mount -t tmpfs e2e /v/inside && touch /v/inside/seen', { container: 'both' });
    const see = async (container: string): Promise<string> =>
      (await run(node, up, 'ls /v/host /v/inside | grep -c seen', { container })).stdout;
    expect([await see('none'), await see('down'), await see('both')]).toEqual(['0', '2', '2']);
    expect(statSync(join(path, 'inside/seen')).isFile()).toBe(true);
    await removeStatic(node, manifest);
    for (const name of ['inside', 'host', '.']) onHost('umount', join(path, name));
  });
});

describe.concurrent('emptyDir', () => {
  test('is shared by the containers, writable by all, and outlives a restart', async () => {
    const manifest = pod('empty', {
      restartPolicy: 'Always',
      volumes: [{ name: 'e', emptyDir: {} }],
      containers: [
        {
          ...sh('echo run >> /e/runs; [ $(wc -l < /e/runs) -gt 1 ] && echo up && exec sleep 3600'),
          ...mounts(mount('e')),
        },
        {
          name: 'other',
          ...forever,
          securityContext: { runAsUser: 1234 },
          ...mounts(mount('e', '/elsewhere')),
        },
      ],
    });
    const up = await runStatic(
      node,
      manifest,
      (found) => statusOf(found).restartCount === 1 && statusOf(found).state.running !== undefined,
    );
    await node.kubelet.api.followLogs(up, 'main', /up/);
    const { stdout } = await run(
      node,
      up,
      'cat /elsewhere/runs; touch /elsewhere/mine; stat -c "%a %u" /elsewhere',
      { container: 'other' },
    );
    expect(stdout).toBe('run\nrun\n777 0');
    await removeStatic(node, manifest);
    await eventually(
      () => onHost('ls', join(node.kubelet.rootDirectory, 'pods')),
      (text) => !text.includes(up.metadata.uid),
      20,
    );
  });

  test('in memory is a tmpfs of its limit', async () => {
    const text = await output(
      pod('memory', {
        volumes: [{ name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
        containers: [
          {
            resources: { limits: { memory: '64Mi' } },
            ...sh(
              'grep " /m " /proc/mounts; df -k /m | tail -1; head -c 9000000 /dev/zero > /m/big; stat -c %s /m/big',
            ),
            ...mounts(mount('m')),
          },
        ],
      }),
    );
    expect(text).toMatch(/^tmpfs \/m tmpfs rw,.*size=8192k/m);
    expect(text).toMatch(/\s8192\s/);
    expect(text).toMatch(/(I\/O error|No space left on device)\n8388608$/);
  });

  test("with an fsGroup is the group's", async () => {
    const text = await output(
      pod('fs-group', {
        securityContext: { fsGroup: 4321, runAsUser: 1234, runAsGroup: 1235, supplementalGroups: [5000] },
        volumes: [
          { name: 'e', emptyDir: {} },
          { name: 'm', emptyDir: { medium: 'Memory' } },
        ],
        containers: [
          {
            ...sh('id -G; touch /e/f /m/f; stat -c "%g %a" /e /m; stat -c "%u %g" /e/f /m/f'),
            ...mounts(mount('e'), mount('m')),
          },
        ],
      }),
    );
    // The sticky bit is tmpfs' own.
    expect(text.split('\n')).toEqual(['1235 4321 5000', '4321 2777', '4321 3777', '1234 4321', '1234 4321']);
  });
});

describe.concurrent('sub-paths', () => {
  test('are directories and files of a volume, made where they are missing', async () => {
    const directory = mkdtempSync(hostFile('sub-'));
    mkdirSync(join(directory, 'there'));
    writeFileSync(join(directory, 'there/file'), 'in a file\n');
    const text = await output(
      pod('sub-path', {
        volumes: [{ name: 'v', hostPath: { path: directory, type: 'Directory' } }],
        containers: [
          {
            env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
            ...sh(
              'ls /there; cat /etc/single; echo new > /made/file; echo mine > /expanded/file; mkdir -p /made/x',
            ),
            ...mounts(
              mount('v', '/there', { subPath: 'there', readOnly: true }),
              mount('v', '/etc/single', { subPath: 'there/file' }),
              mount('v', '/made', { subPath: 'a/b' }),
              mount('v', '/expanded', { subPathExpr: 'of/$(NAME)' }),
            ),
          },
        ],
      }),
    );
    expect(text).toBe('file\nin a file');
    expect(readFileSync(join(directory, 'a/b/file'), 'utf8')).toBe('new\n');
    expect(
      onHost('cat', '--', ...[join(directory, 'of')].map((d) => `${d}/${onHost('ls', d).trim()}/file`)),
    ).toBe('mine\n');
  });

  test('that lead out of the volume are refused', async () => {
    const directory = mkdtempSync(hostFile('escape-'));
    symlinkSync('/etc', join(directory, 'out'));
    const manifest = pod('escape', {
      volumes: [{ name: 'v', hostPath: { path: directory, type: 'Directory' } }],
      containers: [{ ...forever, ...mounts(mount('v', '/v', { subPath: 'out' })) }],
    });
    const refused = await runStatic(
      node,
      manifest,
      (found) => statusOf(found).state.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(statusOf(refused).state.waiting?.message).toMatch(/failed to prepare subPath/);
    await removeStatic(node, manifest);
  });

  test('are of the same file again after a restart of the container', async () => {
    const manifest = pod('sub-restart', {
      restartPolicy: 'Always',
      volumes: [{ name: 'e', emptyDir: {} }],
      containers: [
        {
          ...sh('echo run >> /e/runs; [ $(wc -l < /e/runs) -gt 2 ] && echo up && exec sleep 3600; exit 1'),
          ...mounts(mount('e', '/e', { subPath: 'sub' })),
        },
      ],
    });
    const up = await runStatic(
      node,
      manifest,
      (found) => statusOf(found).restartCount === 2 && statusOf(found).state.running !== undefined,
    );
    await node.kubelet.api.followLogs(up, 'main', /up/);
    expect((await run(node, up, 'wc -l < /e/runs')).stdout).toBe('3');
    await removeStatic(node, manifest);
  });
});

test.concurrent('a downwardAPI volume holds what the pod says of itself', async () => {
  const items = [
    { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
    { path: 'deep/name', fieldRef: { fieldPath: 'metadata.name' }, mode: 0o400 },
    {
      path: 'memory',
      resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' },
    },
  ];
  const text = await output(
    pod('downward', {
      metadata: { labels: { app: 'e2e', tier: 'test' } },
      volumes: [{ name: 'd', downwardAPI: { items, defaultMode: 0o440 } }],
      containers: [
        {
          resources: { limits: { memory: '77Mi' } },
          ...sh(
            'cat /d/labels; echo; cat /d/deep/name /d/memory; echo; stat -Lc %a /d/labels /d/deep/name; touch /d/x 2>&1',
          ),
          ...mounts(mount('d')),
        },
      ],
    }),
  );
  expect(text).toMatch(/^app="e2e"\ntier="test"\ndownward-\d+-e2e-node77\n440\n400\ntouch: .*Read-only/);
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});

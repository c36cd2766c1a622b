import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, programs, shellImage, World } from './harness/index.ts';

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly metadata: { readonly name: string };
}

// What an operator does on a node with the real crictl, from the first pull to the last rmi; the steps follow on each
// other.
describe('crictl', () => {
  let world: World;
  let pod = '';
  let container = '';
  const file = (name: string, value: object): string => {
    const path = join(world.directory, name);
    writeFileSync(path, JSON.stringify(value));
    return path;
  };

  beforeAll(async () => {
    world = await World.create({ subnet: 101 });
    mkdirSync(join(world.logs, 'web'));
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('version and info name the runtime, and say that it is ready', async () => {
    expect(await world.crictl.run('version')).toMatch(/RuntimeName: +\w+/);
    const info = await world.crictl.json<{ status: { conditions: { type: string; status: boolean }[] } }>(
      'info',
    );
    const ready = info.status.conditions.filter(({ status }) => status).map(({ type }) => type);
    expect(ready).toEqual(expect.arrayContaining(['RuntimeReady', 'NetworkReady']));
  });

  test('pull, images, inspecti', async () => {
    expect(await world.crictl.run('pull', shellImage)).toContain('Image is up to date for');
    const { images } = await world.crictl.json<{ images: { repoTags: string[]; size: string }[] }>('images');
    const pulled = images.find(({ repoTags }) => repoTags.includes(shellImage));
    expect(Number(pulled?.size)).toBeGreaterThan(100_000);
    const { status } = await world.crictl.json<{ status: { repoDigests: string[] } }>('inspecti', shellImage);
    expect(status.repoDigests[0]).toMatch(/^gantry\.test\/base@sha256:[0-9a-f]{64}$/);
  });

  test('runp, pods, inspectp', async () => {
    const config = file('pod.json', {
      metadata: { name: 'web', namespace: 'e2e', uid: 'crictl-web', attempt: 1 },
      hostname: 'web-host',
      log_directory: join(world.logs, 'web'),
      labels: { app: 'web' },
      linux: { cgroup_parent: world.cgroupParent },
    });
    pod = await world.crictl.run('runp', config);
    const { items } = await world.crictl.json<{ items: Listed[] }>('pods', '--label', 'app=web');
    expect(items).toMatchObject([{ id: pod, state: 'SANDBOX_READY', metadata: { name: 'web' } }]);
    const { status } = await world.crictl.json<{ status: { network: { ip: string } } }>('inspectp', pod);
    expect(status.network.ip).toMatch(/^10\.101\./);
  });

  test('create, start, ps, inspect', async () => {
    const config = file('container.json', {
      metadata: { name: 'shell', attempt: 0 },
      image: { image: shellImage },
      command: ['sh', '-c', 'n=0; while :; do echo "line $n"; n=$((n+1)); sleep 0.1; done'],
      log_path: 'shell.log',
    });
    container = await world.crictl.run('create', pod, config, join(world.directory, 'pod.json'));
    expect(await world.crictl.run('ps', '--all', '--state', 'Created', '--quiet')).toBe(container);
    expect(await world.crictl.run('start', container)).toBe(container);
    const { containers } = await world.crictl.json<{ containers: Listed[] }>('ps');
    expect(containers).toMatchObject([{ id: container, state: 'CONTAINER_RUNNING' }]);
    const inspected = await world.crictl.json<{ status: Record<string, unknown> }>('inspect', container);
    expect(inspected.status).toMatchObject({
      state: 'CONTAINER_RUNNING',
      logPath: join(world.logs, 'web', 'shell.log'),
    });
  });

  test('exec -s gives output and exit code', async () => {
    expect(await world.crictl.run('exec', '--sync', container, 'hostname')).toBe('web-host');
    const failed = await world.crictl.try('exec', '--sync', container, 'sh', '-c', 'echo bad >&2; exit 7');
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain('exited with 7');
    expect(failed.stderr).toContain('bad');
  });

  test('logs -f follows what the container writes', async () => {
    const child = spawn(programs.crictl, world.crictl.arguments(['logs', '--follow', container]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const wanted =
      Number(/line (\d+)\n$/.exec(readFileSync(join(world.logs, 'web', 'shell.log'), 'utf8'))?.[1]) + 10;
    await eventually(
      () => text,
      (all) => all.includes(`line ${wanted}\n`),
    );
    child.kill();
    const numbers = [...text.matchAll(/^line (\d+)$/gm)].map((match) => Number(match[1]));
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  test('stats tells of its memory and CPU', async () => {
    type Stats = { attributes: { id: string }; memory: { workingSetBytes: { value: string } } };
    const { stats } = await world.crictl.json<{ stats: Stats[] }>('stats', container);
    expect(stats.map(({ attributes }) => attributes.id)).toEqual([container]);
    expect(Number(stats[0]?.memory.workingSetBytes.value)).toBeGreaterThan(0);
  });

  test('stop, rm, stopp, rmp, rmi take everything away', async () => {
    await world.crictl.run('stop', '--timeout', '1', container);
    const { status } = await world.crictl.json<{ status: { state: string } }>('inspect', container);
    expect(status.state).toBe('CONTAINER_EXITED');
    await world.crictl.run('rm', container);
    expect(await world.crictl.run('ps', '--all', '--quiet')).toBe('');
    await world.crictl.run('stopp', pod);
    const { items } = await world.crictl.json<{ items: Listed[] }>('pods');
    expect(items).toMatchObject([{ id: pod, state: 'SANDBOX_NOTREADY' }]);
    await world.crictl.run('rmp', pod);
    expect(await world.crictl.run('pods', '--quiet')).toBe('');
    await world.crictl.run('rmi', shellImage);
    const { images } = await world.crictl.json<{ images: { repoTags: string[] }[] }>('images');
    expect(images.flatMap(({ repoTags }) => repoTags)).not.toContain(shellImage);
    expect(await world.leftovers()).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  hostNetwork,
  logOf,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

/** Both are started with these, so that a limit which somebody raised on the way shows. */
const limits = ['prlimit', '--nofile=777:4000', '--core=0:0', '--'];

/** crun refuses a hybrid host even when it is to leave cgroups alone: it is shown a host without the v2 half. */
const withoutHybrid = [
  ...['unshare', '--mount', '--propagation', 'private'],
  ...['sh', '-c', 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', 'sh'],
];

/** Descriptors, signals blocked and ignored, every limit: what a program inherits. */
const inherited = `
ls /proc/$$/fd
readlink /proc/$$/fd/0
grep -E '^Sig(Blk|Ign):' /proc/self/status
cat /proc/self/limits
umask
`;

describe("an app's descriptors, signals and limits", () => {
  let world: World;

  beforeAll(async () => {
    world = await World.create({ subnet: 110, server: { wrapper: limits } });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('equal those under crun', async () => {
    expect(await underGantry()).toBe(underCrun());
  });

  test("an exec's equal them too", async () => {
    const pod = await runPod(world, { linux: hostNetwork });
    const containerId = await startContainer(world, pod);
    const answer = await world.cri.call('ExecSync', {
      containerId,
      cmd: ['sh', '-c', inherited],
      timeout: 10,
    });
    expect(Buffer.from(answer.stdout).toString()).toBe(underCrun());
    await removePod(world, pod);
  });

  async function underGantry(): Promise<string> {
    const pod = await runPod(world, { linux: hostNetwork });
    const metadata = { name: 'inherited', attempt: 0 };
    const id = await startContainer(world, pod, { metadata, logPath: 'inherited.log', ...script(inherited) });
    await waitForExit(world, id);
    const text = logOf(pod, 'inherited');
    await removePod(world, pod);
    return text;
  }

  function underCrun(): string {
    const bundle = mkdtempSync('/tmp/ge-crun-');
    try {
      makeBundle(bundle);
      const crun = [
        'crun',
        '--cgroup-manager=disabled',
        '--root',
        join(bundle, 'state'),
        'run',
        '--bundle',
        bundle,
      ];
      const command = [...limits, ...withoutHybrid, ...crun, `ge-${process.pid}`];
      const [program = '', ...args] = command;
      return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    } finally {
      rmSync(bundle, { recursive: true });
    }
  }

  function makeBundle(bundle: string): void {
    const rootfs = join(bundle, 'rootfs');
    for (const name of ['bin', 'proc', 'dev', 'sys', 'lib64', 'lib'])
      mkdirSync(join(rootfs, name), { recursive: true });
    const libraries = execFileSync('ldd', ['/usr/bin/busybox'], { encoding: 'utf8' }).matchAll(
      /(\/\S+) \(0x/g,
    );
    for (const [, path = ''] of libraries) execFileSync('cp', ['--dereference', '--parents', path, rootfs]);
    execFileSync('cp', ['/usr/bin/busybox', join(rootfs, 'bin')]);
    for (const applet of ['sh', 'ls', 'grep', 'cat', 'readlink']) {
      execFileSync('ln', [join(rootfs, 'bin/busybox'), join(rootfs, 'bin', applet)]);
    }
    execFileSync('crun', ['spec'], { cwd: bundle });
    const file = join(bundle, 'config.json');
    const spec = JSON.parse(readFileSync(file, 'utf8')) as { process: object; mounts: { type: string }[] };
    const process = {
      ...spec.process,
      terminal: false,
      args: ['sh', '-c', inherited],
      env: ['PATH=/bin'],
      rlimits: [],
    };
    const mounts = spec.mounts.filter(({ type }) => type !== 'cgroup');
    writeFileSync(file, JSON.stringify({ ...spec, process, mounts }));
  }
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  DevicePlugin,
  forever,
  isOver,
  isRunning,
  KubeletNode,
  onHost,
  type PodManifest,
  pod,
  removeStatic,
  run,
  runStatic,
  statusOf,
} from './harness/index.ts';

const resource = 'e2e.test/thing';
/** What the plug-in's devices come with. */
const files = mkdtempSync('/tmp/ge-cdi-');
let node: KubeletNode;
let plugin: DevicePlugin;
beforeAll(async () => {
  writeFileSync(join(files, 'library'), 'of the device\n');
  mkdirSync(join(files, 'cdi'));
  // Of a major number for experiments, which no driver has.
  onHost('mknod', join(files, 'node'), 'c', '120', '1');
  const spec = (name: string): object => ({
    name,
    containerEdits: {
      env: [`BY_CDI=${name}`],
      deviceNodes: [{ path: '/dev/by-cdi', hostPath: '/dev/zero' }],
    },
  });
  writeFileSync(
    join(files, 'cdi/e2e.json'),
    JSON.stringify({ cdiVersion: '0.6.0', kind: 'e2e.test/class', devices: [spec('one'), spec('two')] }),
  );
  node = await KubeletNode.create({ subnet: 170, server: { flags: ['--cdi-spec-dir', join(files, 'cdi')] } });
  plugin = await DevicePlugin.start(resource, ['one', 'two'], (ids) => ({
    envs: { BY_PLUGIN: ids.join() },
    mounts: [{ containerPath: '/opt/library', hostPath: join(files, 'library'), readOnly: true }],
    devices: [
      { containerPath: '/dev/thing', hostPath: '/dev/zero', permissions: 'rw' },
      { containerPath: '/dev/readable', hostPath: join(files, 'node'), permissions: 'r' },
    ],
    cdiDevices: ids.map((id) => ({ name: `e2e.test/class=${id}` })),
  }));
});
afterAll(async () => {
  plugin?.stop();
  await node?.dispose();
  rmSync(files, { recursive: true });
});

const user = (name: string): PodManifest =>
  pod(name, {
    restartPolicy: 'Always',
    containers: [{ ...forever, resources: { limits: { [resource]: '1' } } }],
  });

test('a container has the devices of a plug-in: nodes, mounts, variables, by CDI and without', async () => {
  const [first, second] = [user('first'), user('second')];
  const up = await runStatic(node, first);
  const both = [up, await runStatic(node, second)];
  const seen = await Promise.all(
    both.map(async (found) => {
      const { stdout } = await run(
        node,
        found,
        'echo $BY_PLUGIN $BY_CDI; cat /opt/library; head -c 2 /dev/thing | od -An -tx1; head -c 2 /dev/by-cdi | od -An -tx1',
      );
      return stdout.split('\n').map((line) => line.trim());
    }),
  );
  expect(seen.map(([names]) => names).sort()).toEqual(['one one', 'two two']);
  for (const [, ...rest] of seen) expect(rest.slice(0, 3)).toEqual(['of the device', '00 00', '00 00']);
  // What is let through finds no driver; what the plug-in does not permit does not get as far.
  const tried = async (script: string): Promise<string> => (await run(node, up, script)).stderr;
  expect(await tried('cat /dev/readable')).toMatch(/No such device or address/);
  expect(await tried('echo x > /dev/readable')).toMatch(/Operation not permitted/);
  await removeStatic(node, first);
  await removeStatic(node, second);
});

test('a device is its container’s also after a restart, and nobody else’s', async () => {
  const [first, second, third] = [user('first'), user('second'), user('third')];
  const up = await runStatic(node, first);
  await runStatic(node, second);
  const refused = await runStatic(node, third, isOver);
  expect(refused.status).toMatchObject({ phase: 'Failed', reason: 'UnexpectedAdmissionError' });
  const before = (await run(node, up, 'echo $BY_PLUGIN $BY_CDI; kill 1')).stdout;
  const again = await runStatic(
    node,
    first,
    (found) => statusOf(found).restartCount === 1 && isRunning(found),
  );
  expect((await run(node, again, 'echo $BY_PLUGIN $BY_CDI')).stdout).toBe(before);
  for (const manifest of [first, second, third]) await removeStatic(node, manifest);
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});

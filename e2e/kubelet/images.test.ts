import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, honest, type RogueRegistry, startRogueRegistry } from '../harness/index.ts';
import { busybox, type Image, makeImage, makeLayer, Tree, writeHosts } from '../images/index.ts';
import {
  type Container,
  isRunning,
  KubeletNode,
  manyAtOnce,
  type Pod,
  type PodManifest,
  pod,
  podWhen,
  removeStatic,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
let registry: RogueRegistry;
let image: Image;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 168 });
  registry = await startRogueRegistry();
  const hosts = join(node.world.directory, 'hosts');
  writeHosts(hosts, registry.url, ['counted.test']);
  writeHosts(hosts, 'http://127.0.0.1:1', ['gone.test']);
  const layers = [await makeLayer(busybox()), await makeLayer(new Tree().file('counted', 'yes\n'))];
  image = makeImage(layers, { Cmd: ['sh'] });
  for (const name of ['always', 'present', 'digest', 'used']) registry.add(name, image, {});
});
afterAll(async () => {
  await registry?.stop();
  await node?.dispose();
});

const of = (name: string, imagePullPolicy: string): Container => ({
  image: `counted.test/${name}`,
  imagePullPolicy,
  ...sh('cat /counted'),
});
const asked = (name: string): number =>
  registry.requests.filter((line) => line.includes(`/v2/${name}/`)).length;
const waiting = (found: Pod): string => statusOf(found).state.waiting?.reason ?? '';
const runs = async (container: Container): Promise<string> =>
  (await runToEnd(node, pod('pull', { containers: [container] }))).status.phase;
/** The pod when it waits for that reason, and the kubelet's words. */
async function waits(manifest: PodManifest, reason: string): Promise<string> {
  const found = await runStatic(node, manifest, (seen) => waiting(seen) === reason, 30);
  return statusOf(found).state.waiting?.message ?? '';
}

describe.concurrent('a pull policy', () => {
  test('IfNotPresent pulls once', async () => {
    expect(await runs(of('present:1', 'IfNotPresent'))).toBe('Succeeded');
    const before = asked('present');
    expect(before).toBeGreaterThan(0);
    expect(await runs(of('present:1', 'IfNotPresent'))).toBe('Succeeded');
    expect(asked('present')).toBe(before);
  });

  test('Always asks the registry again, and fetches no layer twice', async () => {
    expect(await runs(of('always:1', 'Always'))).toBe('Succeeded');
    const before = asked('always');
    expect(await runs(of('always:1', 'Always'))).toBe('Succeeded');
    const after = registry.requests.filter((line) => line.includes('/v2/always/')).slice(before);
    expect(after.length).toBeGreaterThan(0);
    expect(after.filter((line) => /^GET .*\/blobs\//.test(line))).toEqual([]);
  });

  test('Never does not pull, and runs what is there', async () => {
    const manifest = pod('never', { containers: [of('never:1', 'Never')] });
    expect(await waits(manifest, 'ErrImageNeverPull')).toContain('counted.test/never:1');
    expect(asked('never')).toBe(0);
    expect(await runs({ ...of('x', 'Never'), image: 'gantry.test/base:1', ...sh('true') })).toBe('Succeeded');
    await removeStatic(node, manifest);
  });

  test('takes digests, and the status names the image by its digest', async () => {
    const byDigest = `counted.test/digest@${image.manifest.digest}`;
    const done = await runToEnd(
      node,
      pod('digest', { containers: [{ ...of('x', 'IfNotPresent'), image: byDigest }] }),
    );
    expect(done.status.phase).toBe('Succeeded');
    expect(statusOf(done).imageID).toContain(image.manifest.digest);
  });
});

describe.concurrent('an image that cannot be had', () => {
  test('is ErrImagePull, then ImagePullBackOff, and comes when it is there', async () => {
    const manifest = pod('late', {
      containers: [{ ...of('late:1', 'IfNotPresent'), ...sh('cat /counted; exec sleep 3600') }],
    });
    const seen = new Set<string>();
    await runStatic(node, manifest, (found) => {
      seen.add(waiting(found));
      return waiting(found) === 'ImagePullBackOff';
    });
    const refused = await podWhen(node, manifest, (found) =>
      /ErrImagePull|ImagePullBackOff/.test(waiting(found)),
    );
    expect(statusOf(refused).state.waiting?.message).toMatch(/counted\.test\/late:1/);
    expect(node.kubelet.log).toMatch(
      /"StartContainer\\" for \\"main\\" with ErrImagePull: .*counted\.test\/late:1/,
    );
    registry.add('late', image, {});
    await podWhen(node, manifest, isRunning, 40);
    await removeStatic(node, manifest);
  });

  test('of a registry that does not answer is told so', async () => {
    const manifest = pod('gone', {
      containers: [{ ...of('x', 'IfNotPresent'), image: 'gone.test/image:1' }],
    });
    await runStatic(
      node,
      manifest,
      (found) => waiting(found) !== '' && waiting(found) !== 'ContainerCreating',
    );
    await eventually(
      () => /RegistryUnavailable.*gone\.test|gone\.test.*RegistryUnavailable/.test(node.kubelet.log),
      (isSaid) => isSaid,
    );
    await removeStatic(node, manifest);
  });

  test('whose layer is not what its digest says never runs', async () => {
    const own = makeImage([await makeLayer(new Tree().file('torn', 'no\n'))], { Cmd: ['sh'] });
    registry.add('torn', own, {
      layer: (response, body, type) =>
        honest(response, Buffer.concat([body.subarray(1), Buffer.of(0)]), type),
    });
    const manifest = pod('torn', { containers: [of('torn:1', 'IfNotPresent')] });
    const found = await runStatic(node, manifest, (seen) =>
      /ErrImagePull|ImagePullBackOff/.test(waiting(seen)),
    );
    expect(statusOf(found).containerID ?? '').toBe('');
    await removeStatic(node, manifest);
  });

  test('has a name that is none: InvalidImageName', async () => {
    const manifest = pod('invalid', {
      containers: [{ ...of('x', 'IfNotPresent'), image: 'gantry.test/Upper:1' }],
    });
    expect(await waits(manifest, 'InvalidImageName')).toContain('gantry.test/Upper:1');
    await removeStatic(node, manifest);
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});

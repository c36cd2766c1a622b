import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTokenServer, type TokenServer } from '../harness/index.ts';
import { imageStorage, type Registry, startRegistry, writeHosts } from '../images/index.ts';
import {
  deleteAllBound,
  deleteBound,
  eventOf,
  eventsOf,
  forever,
  isRunning,
  KubeletNode,
  output,
  type Pod,
  type PodManifest,
  pod,
  run,
  runBound,
  statusOf,
} from './harness/index.ts';

const account = { user: 'someone', password: 'secret' };
/** `someone:secret`, by bcrypt. */
const htpasswd = 'someone:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';
const collection = '/api/v1/namespaces/default';

let node: KubeletNode;
let tokens: TokenServer;
const registries: Registry[] = [];
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 197, controlPlane: true });
  const { directory } = node.world;
  const storage = await imageStorage();
  const start = async (host: string, auth: string): Promise<void> => {
    const registry = await startRegistry({ storage, directory: join(directory, host), auth });
    registries.push(registry);
    writeHosts(join(directory, 'hosts'), registry.url, [host]);
  };
  mkdirSync(join(directory, 'basic.test'));
  const passwords = join(directory, 'basic.test', 'htpasswd');
  writeFileSync(passwords, htpasswd);
  await start('basic.test', `  htpasswd:\n    realm: basic\n    path: ${passwords}`);
  tokens = await startTokenServer(join(directory, 'tokens'), account);
  await start('bearer.test', tokens.auth);
  await makeSecret('basic', 'basic.test', account.password);
  await makeSecret('bearer', 'bearer.test', account.password);
  await makeSecret('wrong', 'basic.test', 'guessed');
});
afterAll(async () => {
  for (const registry of registries) await registry.stop();
  await tokens?.stop();
  await node?.dispose();
});

/** As `kubectl create secret docker-registry`. */
async function makeSecret(name: string, host: string, password: string): Promise<void> {
  const config = { auths: { [host]: { username: account.user, password } } };
  await node.controlPlane.client.create(`${collection}/secrets`, {
    metadata: { name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify(config) },
  });
}

const privately = (name: string, image: string, more: object = {}): PodManifest =>
  pod(name, { containers: [{ ...forever, image }], ...more });
const by = (name: string): object => ({ imagePullSecrets: [{ name }] });

const waitsFor =
  (reason: string) =>
  ({ status }: Pod): boolean =>
    (status.containerStatuses ?? []).some(({ state }) => state.waiting?.reason === reason);

describe('a registry that wants credentials', () => {
  test.each(['wrong', undefined])('refuses those of the secret %s, and the pod says so', async (secret) => {
    const manifest = privately('refused', 'basic.test/layers:1', secret === undefined ? {} : by(secret));
    const found = await runBound(node, manifest, waitsFor('ErrImagePull'));
    expect(statusOf(found).state.waiting?.message).toMatch(/basic\.test/);
    await eventOf(node, manifest, 'BackOff');
    const failed = await eventOf(node, manifest, 'Failed', /Failed to pull/);
    expect(failed.message).toMatch(
      /^Failed to pull image "basic\.test\/layers:1": .*(401|[Uu]nauthori[sz]ed|credentials)/,
    );
    const events = await eventsOf(node, manifest);
    expect(JSON.stringify(events)).not.toContain('guessed');
    await deleteBound(node, manifest);
  });

  test('lets the pod in by its secret, whose image no other pod gets without one', async () => {
    const image = 'basic.test/layers:1';
    const manifest = privately('secret', image, by('basic'));
    const found = await runBound(node, manifest);
    const { imageID, image: shown } = statusOf(found);
    expect(shown).toBe(image);
    expect(imageID).toMatch(/^basic\.test\/layers@sha256:[0-9a-f]{64}$/);
    for (const reason of ['Pulling', 'Pulled', 'Created', 'Started']) await eventOf(node, manifest, reason);

    const thief = privately('thief', image);
    const refused = await runBound(node, thief, waitsFor('ErrImagePull'));
    expect(statusOf(refused).state.waiting?.message).toMatch(/basic\.test/);
    await deleteBound(node, thief);
    const again = privately('again', image, by('basic'));
    await runBound(node, again);
    await eventOf(node, again, 'Pulled', /already present on machine/);
  });

  test('lets in by the secret of the account, and by tokens', async () => {
    await node.controlPlane.client.create(`${collection}/serviceaccounts`, {
      metadata: { name: 'puller' },
      imagePullSecrets: [{ name: 'bearer' }],
    });
    const image = 'bearer.test/layers:1';
    const found = await runBound(node, privately('account', image, { serviceAccountName: 'puller' }));
    expect(found.spec['imagePullSecrets']).toEqual([{ name: 'bearer' }]);
    expect(tokens.granted).toContain('repository:layers:pull');
  });
});

describe('image volumes', () => {
  const mounting = (reference: string, mount: object = {}, more: object = {}): PodManifest =>
    pod('volume', {
      containers: [{ ...forever, volumeMounts: [{ name: 'image', mountPath: '/image', ...mount }] }],
      volumes: [{ name: 'image', image: { reference, pullPolicy: 'IfNotPresent' } }],
      ...more,
    });

  test('hold what the image holds, read-only', async () => {
    const found = await runBound(node, mounting('gantry.test/layers:1'));
    expect(await output(node, found, 'cat /image/stack/kept; ls /image/stack')).toMatch(/^below\n/);
    expect((await run(node, found, 'touch /image/x')).stderr).toMatch(/Read-only file system/);
  });

  test('by a part of it, for a pod of its own users', async () => {
    const manifest = mounting('gantry.test/layers:1', { subPath: 'stack' }, { hostUsers: false });
    const found = await runBound(node, manifest);
    expect(await output(node, found, 'cat /image/kept; stat -c "%u %g" /image/kept')).toBe('below\n1002 33');
  });

  test('a part that it does not have is said', async () => {
    const manifest = mounting('gantry.test/layers:1', { subPath: 'no/such' });
    const found = await runBound(node, manifest, waitsFor('CreateContainerError'));
    expect(statusOf(found).state.waiting?.message).toContain('no/such');
    await deleteBound(node, manifest);
  });

  test('an image that cannot be had is said, one that wants a secret is had by it', async () => {
    const absent = mounting('gantry.test/absent:1');
    await runBound(node, absent, () => true);
    expect((await eventOf(node, absent, 'Failed', /gantry\.test\/absent:1/)).type).toBe('Warning');
    await deleteBound(node, absent);
    const found = await runBound(node, mounting('basic.test/config:1', {}, by('basic')), isRunning);
    expect(await output(node, found, 'ls /image/bin/busybox')).toBe('/image/bin/busybox');
  });
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});

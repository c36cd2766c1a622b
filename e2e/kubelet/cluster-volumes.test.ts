import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  deleteAllBound,
  forever,
  isOver,
  KubeletNode,
  output,
  pod,
  run,
  runBound,
  sh,
  storedWhen,
} from './harness/index.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const secrets = '/api/v1/namespaces/default/secrets';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 190, controlPlane: true });
  const { client } = node.controlPlane;
  await client.create(configMaps, {
    metadata: { name: 'settings' },
    data: { colour: 'green', 'not-a-name': 'dropped by nobody', nested: 'deep' },
    binaryData: { bytes: Buffer.of(0, 255, 10, 0).toString('base64') },
  });
  await client.create(secrets, {
    metadata: { name: 'keys' },
    data: { password: base64('pa$$ word\n'), user: base64('someone') },
  });
});
afterAll(async () => await node?.dispose());

test('a ConfigMap and a Secret are files with their modes, keys at paths of their own, and change in the running pod', async () => {
  const { client } = node.controlPlane;
  const manifest = pod('files', {
    containers: [
      {
        ...forever,
        volumeMounts: [
          { name: 'map', mountPath: '/map' },
          { name: 'some', mountPath: '/some' },
          { name: 'secret', mountPath: '/secret', readOnly: true },
          { name: 'map', mountPath: '/one/colour', subPath: 'colour' },
          { name: 'absent', mountPath: '/absent' },
        ],
      },
    ],
    volumes: [
      { name: 'map', configMap: { name: 'settings' } },
      {
        name: 'some',
        configMap: { name: 'settings', items: [{ key: 'nested', path: 'a/b/c', mode: 0o600 }] },
      },
      { name: 'secret', secret: { secretName: 'keys', defaultMode: 0o400 } },
      { name: 'absent', configMap: { name: 'nobody', optional: true } },
    ],
  });
  const found = await runBound(node, manifest);
  expect(await output(node, found, 'cat /map/colour; echo; od -An -tx1 /map/bytes')).toMatch(
    /^green\n *00 ff 0a 00$/,
  );
  expect(await output(node, found, 'cat /some/a/b/c; echo; stat -Lc %a /some/a/b/c; ls /some')).toBe(
    'deep\n600\na',
  );
  expect(
    await output(node, found, 'cat /secret/password; stat -Lc %a /secret/password; cat /secret/user'),
  ).toBe('pa$$ word\n400\nsomeone');
  expect(await output(node, found, 'cat /one/colour; ls /absent')).toBe('green');
  const refused = await run(node, found, 'touch /map/x 2>&1; touch /secret/x 2>&1');
  expect(refused.stdout.match(/Read-only file system/g)).toHaveLength(2);
  const data = join(node.podDirectory(found), 'volumes/kubernetes.io~configmap/map/..data');
  const before = readlinkSync(data);

  await client.patch(`${configMaps}/settings`, { data: { colour: 'blue', fresh: 'new', nested: null } });
  await client.patch(`${secrets}/keys`, { data: { password: base64('changed') } });
  await eventually(
    async () => await output(node, found, 'cat /map/colour /map/fresh /secret/password 2>/dev/null; :'),
    (text) => text === 'bluenewchanged',
  );
  expect(readlinkSync(data)).not.toBe(before);
  expect(await output(node, found, 'ls /map; cat /one/colour')).toBe(
    'bytes\ncolour\nfresh\nnot-a-name\ngreen',
  );
  await client.patch(`${configMaps}/settings`, { data: { nested: 'deep' } });
});

test("the account's token, the CA and the namespace are there, and the token is one that the API server takes", async () => {
  const found = await runBound(node, pod('token', { containers: [forever] }));
  const directory = '/var/run/secrets/kubernetes.io/serviceaccount';
  expect(await output(node, found, `ls ${directory}; cat ${directory}/namespace`)).toBe(
    'ca.crt\nnamespace\ntoken\ndefault',
  );
  expect(await output(node, found, `head -n 1 ${directory}/ca.crt`)).toBe('-----BEGIN CERTIFICATE-----');
  const token = await output(node, found, `cat ${directory}/token`);
  const { status } = await node.controlPlane.client.create<{
    status: { authenticated: boolean; user: { username: string; extra: Record<string, string[]> } };
  }>('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } });
  expect(status.authenticated).toBe(true);
  expect(status.user.username).toBe('system:serviceaccount:default:default');
  expect(status.user.extra['authentication.kubernetes.io/pod-uid']).toEqual([found.metadata.uid]);
});

test('a projected volume has a token of its own audience, files of the pod, and what is projected beside them', async () => {
  const manifest = pod('projected', {
    metadata: { labels: { tier: 'one' }, annotations: { note: 'a "quoted" note' } },
    securityContext: { fsGroup: 4321 },
    containers: [
      {
        ...forever,
        securityContext: { runAsUser: 1234 },
        resources: { limits: { memory: '64Mi' }, requests: { cpu: '100m' } },
        volumeMounts: [{ name: 'all', mountPath: '/all' }],
      },
    ],
    volumes: [
      {
        name: 'all',
        projected: {
          defaultMode: 0o440,
          sources: [
            { serviceAccountToken: { audience: 'vault', expirationSeconds: 600, path: 'token' } },
            { configMap: { name: 'settings', items: [{ key: 'nested', path: 'map/nested' }] } },
            { secret: { name: 'keys', items: [{ key: 'user', path: 'secret/user' }] } },
            {
              downwardAPI: {
                items: [
                  { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
                  { path: 'note', fieldRef: { fieldPath: "metadata.annotations['note']" } },
                  {
                    path: 'memory',
                    resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' },
                  },
                ],
              },
            },
          ],
        },
      },
    ],
  });
  const found = await runBound(node, manifest);
  expect(
    await output(node, found, 'cat /all/map/nested /all/secret/user /all/memory; echo; cat /all/labels'),
  ).toBe('deepsomeone64\ntier="one"');
  expect(await output(node, found, 'cat /all/note; echo; stat -Lc "%a %g" /all/note; id -G')).toBe(
    'a "quoted" note\n440 4321\n0 4321',
  );
  const claims = (await output(node, found, 'cat /all/token')).split('.')[1] ?? '';
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ aud: ['vault'] });

  const { metadata } = manifest;
  const path = `/api/v1/namespaces/default/pods/${metadata.name}`;
  await node.controlPlane.client.patch(path, { metadata: { labels: { tier: 'two' } } });
  await eventually(
    async () => await output(node, found, 'cat /all/labels'),
    (text) => text === 'tier="two"',
  );
});

test('variables come from ConfigMaps, Secrets, the pod and its resources', async () => {
  const manifest = pod('variables', {
    metadata: { labels: { app: 'env' } },
    containers: [
      {
        // Not by env: the shell drops names that are none to it.
        ...sh('tr "\\0" "\\n" </proc/1/environ | sort; exec sleep 3600'),
        resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m', memory: '32Mi' } },
        envFrom: [
          { configMapRef: { name: 'settings' }, prefix: 'MAP_' },
          { secretRef: { name: 'nobody', optional: true } },
        ],
        env: [
          { name: 'T_USER', valueFrom: { secretKeyRef: { name: 'keys', key: 'user' } } },
          {
            name: 'T_COLOUR',
            valueFrom: { configMapKeyRef: { name: 'settings', key: 'bytes', optional: true } },
          },
          { name: 'T_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'T_LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: 'T_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'T_HOST', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
          { name: 'T_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'T_CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
          { name: 'T_MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
          { name: 'T_BOTH', value: '$(T_USER)@$(T_NODE) $$(kept) $(nobody)' },
        ],
      },
    ],
  });
  const found = await runBound(node, manifest);
  const lines = (
    await eventually(
      async () => await node.kubelet.api.logs(found, 'main'),
      (text) => text.includes('T_USER'),
    )
  ).split('\n');
  expect(lines.filter((line) => line.startsWith('T_'))).toEqual([
    'T_BOTH=someone@e2e-node $(kept) $(nobody)',
    'T_CPU=250',
    'T_HOST=10.231.0.1',
    `T_IP=${found.status.podIP}`,
    'T_LABEL=env',
    `T_MEMORY=${64 * 1024 * 1024}`,
    `T_NAME=${found.metadata.name}`,
    'T_NODE=e2e-node',
    'T_USER=someone',
  ]);
  expect(lines.filter((line) => line.startsWith('MAP_')).sort()).toContain('MAP_nested=deep');
  expect(lines).toContain('MAP_not-a-name=dropped by nobody');
  expect(found.status['qosClass']).toBe('Burstable');
});

test('variables come from a file that an earlier container wrote', async () => {
  const volumeMounts = [{ name: 'files', mountPath: '/files' }];
  const fileKeyRef = { volumeName: 'files', path: 'env', key: 'WORD' };
  const manifest = pod('env-file', {
    initContainers: [{ name: 'writes', ...sh('echo "WORD=\'of a file\'" > /files/env'), volumeMounts }],
    containers: [{ ...forever, env: [{ name: 'SAID', valueFrom: { fileKeyRef } }] }],
    volumes: [{ name: 'files', emptyDir: {} }],
  });
  const found = await runBound(node, manifest);
  expect(await output(node, found, 'echo $SAID')).toBe('of a file');
});

test('a pod waits for what it names, and goes on when it is there', async () => {
  const manifest = pod('waits', {
    containers: [
      {
        ...sh('[ "$LATE" = now ] && grep -q now /late/word'),
        env: [{ name: 'LATE', valueFrom: { configMapKeyRef: { name: 'late', key: 'word' } } }],
        volumeMounts: [{ name: 'late', mountPath: '/late' }],
      },
    ],
    volumes: [{ name: 'late', emptyDir: {} }],
    initContainers: [
      {
        name: 'copies',
        ...sh('echo now > /late/word'),
        volumeMounts: [{ name: 'late', mountPath: '/late' }],
      },
    ],
  });
  const waiting = await runBound(node, manifest, ({ status }) =>
    (status.containerStatuses ?? []).some(
      ({ state }) => state.waiting?.reason === 'CreateContainerConfigError',
    ),
  );
  expect(waiting.status.containerStatuses?.[0]?.state.waiting?.message).toContain(
    'configmap "late" not found',
  );
  await node.controlPlane.client.create(configMaps, { metadata: { name: 'late' }, data: { word: 'now' } });
  const over = await storedWhen(node, manifest, isOver);
  expect(over.status.phase).toBe('Succeeded');
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});

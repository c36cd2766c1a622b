import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import { freePort } from '../images/index.ts';
import {
  agnhost,
  attachTo,
  containerId,
  execIn,
  forever,
  isReady,
  KubeletNode,
  Ledger,
  type Pod,
  PortForwarding,
  pod,
  run,
  runStatic,
  sh,
  statusOf,
} from './harness/index.ts';

// Beyond what streams.test.ts shows of one session each.
let node: KubeletNode;
let target: Pod;
let ledger: Ledger;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 185 });
  ledger = new Ledger(join(node.world.directory, 'ledger'));
  const twice = '[ $(grep -c start /ledger/twice) -gt 1 ] || { echo first life; exit 3; }; echo second life';
  const containers = [
    forever,
    { name: 'ticks', ...sh('i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done') },
    { name: 'cat', stdin: true, ...sh('trap "exit 0" TERM; cat; sleep 3600 & wait') },
    ledger.container('twice', `${twice}; trap "exit 0" TERM; sleep 3600 & wait`, { name: 'twice' }),
    { name: 'spread', ...sh('echo early; sleep 3; echo late; exec sleep 3600') },
  ];
  const initContainers = [{ name: 'first', ...sh('echo prepared') }];
  const manifest = pod('sessions', {
    restartPolicy: 'Always',
    initContainers,
    containers,
    volumes: [ledger.volume],
  });
  target = await runStatic(
    node,
    manifest,
    (found) => isReady(found) && statusOf(found, 'twice').restartCount === 1,
  );
});
afterAll(async () => await node?.dispose());

/** The kubelet looks for a server that went away ever more seldom, and fails every call meanwhile. */
async function reconnected(): Promise<void> {
  await eventually(
    () => node.kubelet.api.logs(target, 'first'),
    (text) => text === 'prepared\n',
  );
}

describe.each(['spdy', 'websocket'] as const)('over %s', (transport) => {
  test('port-forward reaches what listens on the host for a pod on its network', async () => {
    const port = await freePort();
    const manifest = pod(`host-${transport}`, {
      hostNetwork: true,
      containers: [agnhost('netexec', `--http-port=${port}`, '--udp-port=-1')],
    });
    const onHost = await runStatic(node, manifest, isReady);
    // The program listens a moment after its container runs.
    const listens = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    await eventually(listens, (up) => up);
    const ports = await PortForwarding.open(node, onHost, transport, [port]);
    const connection = await ports.connect(port);
    ports.send(connection, 'GET /echo?msg=host HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n');
    await ports.sees(connection, /^HTTP\/1\.1 200 [\s\S]*host/);
    ports.close();
    await ports.closed;
    node.kubelet.removeStaticPod(manifest.metadata.name);
  });

  test('many sessions at once, each with its own output and code', async () => {
    const codes = Array.from({ length: 12 }, (_, number) => number);
    const results = await Promise.all(
      codes.map((code) => run(node, target, `echo ${code}; exit ${code}`, { transport })),
    );
    expect(results).toEqual(codes.map((code) => ({ code, stdout: `${code}`, stderr: '' })));
  });

  test('two clients attached see the same output', async () => {
    const both = [
      await attachTo(node, target, { container: 'ticks', transport }),
      await attachTo(node, target, { container: 'ticks', transport }),
    ];
    const [one = '', other = ''] = await Promise.all(both.map((client) => client.sees(/(tick \d+\n){5}/)));
    const numbers = (text: string): number[] => [...text.matchAll(/tick (\d+)\n/g)].map(([, n]) => Number(n));
    for (const text of [one, other]) {
      const [first = 0, ...rest] = numbers(text);
      expect(rest).toEqual(rest.map((_, index) => first + index + 1));
    }
    expect(numbers(one).some((number) => numbers(other).includes(number))).toBe(true);
    for (const client of both) client.cut();
  });

  test('the server dies: an attached container does not notice, an exec lives on, new sessions work', async () => {
    const { daemon } = node.world.gantry;
    const attached = await attachTo(node, target, { container: 'cat', transport, stdin: true });
    attached.write(`before ${transport}\n`);
    await attached.sees(new RegExp(`before ${transport}`));
    const script = `echo on; sleep 1; touch /tmp/lived-${transport}`;
    const command = await execIn(node, target, ['sh', '-c', script], { transport });
    await command.sees(/on/);
    await daemon.kill();
    await daemon.start();
    // What the kubelet makes of a stream that breaks is its own: an error over SPDY, success over WebSocket.
    await command.exitCode().catch(() => undefined);
    await reconnected();
    const after = await attachTo(node, target, { container: 'cat', transport, stdin: true });
    after.write(`after ${transport}\n`);
    await after.sees(new RegExp(`after ${transport}`));
    after.cut();
    const lived = () => run(node, target, `ls /tmp/lived-${transport}`, { transport });
    await eventually(lived, ({ code }) => code === 0);
    const now = (await node.kubelet.api.pods()).find(({ metadata }) => metadata.uid === target.metadata.uid);
    expect(containerId(now ?? target, 'cat')).toBe(containerId(target, 'cat'));
  });
});

test('logs of the container before, and of one that is over', async () => {
  const { api } = node.kubelet;
  expect(await api.logs(target, 'twice', 'previous=true')).toBe('first life\n');
  expect(await api.logs(target, 'twice')).toBe('second life\n');
  expect(await api.logs(target, 'first')).toBe('prepared\n');
  const name = target.metadata.name;
  const { body } = await api.get(`/containerLogs/default/${name}/main?previous=true`);
  expect(body).toContain('previous terminated container "main"');
});

test('logs since a time, since some seconds, and no more than some bytes', async () => {
  const { api } = node.kubelet;
  await eventually(
    () => api.logs(target, 'spread'),
    (text) => text === 'early\nlate\n',
  );
  const [early = '', late = ''] = (await api.logs(target, 'spread', 'timestamps=true')).split('\n');
  const time = (line: string): string => line.slice(0, line.indexOf(' '));
  const between = new Date((Date.parse(time(early)) + Date.parse(time(late))) / 2).toISOString();
  expect(await api.logs(target, 'spread', `sinceTime=${between}`)).toBe('late\n');
  expect(await api.logs(target, 'spread', `sinceTime=${time(late)}`)).toBe('late\n');
  const seconds = Math.floor((Date.now() - Date.parse(between)) / 1000);
  if (seconds > 0) expect(await api.logs(target, 'spread', `sinceSeconds=${seconds}`)).toBe('late\n');
  expect(await api.logs(target, 'spread', 'limitBytes=8')).toBe('early\nla');
  expect(await api.logs(target, 'spread', 'tailLines=0')).toBe('');
});

test('following ends with the container, and starts at a tail', async () => {
  const { api } = node.kubelet;
  const ends = pod('ends', { containers: [sh('for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done')] });
  const found = await runStatic(node, ends);
  expect(await api.logs(found, 'main', 'follow=true')).toBe(
    'line 1\nline 2\nline 3\nline 4\nline 5\nline 6\n',
  );
  const ticks = await api.logs(target, 'ticks', 'follow=true&tailLines=2&limitBytes=40');
  expect(ticks).toMatch(/^tick (\d+)\ntick \d+\ntick \d+\n/);
});

test('the server away, logs cannot be found; back again, none of their lines is missing', async () => {
  const { api } = node.kubelet;
  const { daemon } = node.world.gantry;
  const before = (await api.logs(target, 'ticks')).split('\n').length;
  await daemon.kill();
  expect(await api.logs(target, 'ticks', 'tailLines=1')).toContain('unable to retrieve container logs');
  await daemon.start();
  await reconnected();
  const lines = async (): Promise<string[]> => (await api.logs(target, 'ticks')).trim().split('\n');
  const all = await eventually(lines, (now) => now.length > before + 5);
  expect(all).toEqual(all.map((_, index) => `tick ${index + 1}`));
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});

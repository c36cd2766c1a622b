import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  agnhost,
  attachTo,
  deleteAllBound,
  execIn,
  forever,
  KubeletNode,
  type Pod,
  PortForwarding,
  pod,
  podPath,
  type RemoteCommandOptions,
  run,
  runBound,
  sh,
  storedWhen,
} from './harness/index.ts';

let node: KubeletNode;
let target: Pod;
beforeAll(async () => {
  // The API server calls the kubelet by the node's address.
  node = await KubeletNode.create({ subnet: 196, controlPlane: true, config: { address: '0.0.0.0' } });
  const containers = [
    { ...forever },
    {
      name: 'terminal',
      stdin: true,
      tty: true,
      ...sh('stty -echo; while read line; do echo "read $line"; done'),
    },
    { name: 'web', ...agnhost('netexec', '--http-port=8080') },
    {
      name: 'growing',
      ...sh('echo one; until [ -e /tmp/go ]; do sleep 0.05; done; echo two; exec sleep 3600'),
    },
    {
      name: 'again',
      ...sh('[ -e /again/x ] && exec sleep 3600; echo before; touch /again/x; exit 1'),
      volumeMounts: [{ name: 'again', mountPath: '/again' }],
    },
  ];
  const volumes = [{ name: 'again', emptyDir: {} }];
  // The API server asks the kubelet only for logs of which its own status knows.
  const manifest = pod('streams', { restartPolicy: 'OnFailure', containers, volumes });
  await runBound(node, manifest, () => true);
  target = await storedWhen(node, manifest, ({ status }) => {
    const all = status.containerStatuses ?? [];
    const wasRestarted = all.some(({ name, restartCount }) => name === 'again' && restartCount === 1);
    return wasRestarted && all.every(({ state }) => state.running !== undefined);
  });
});
afterAll(async () => await node?.dispose());

// As kubectl: through the API server, which asks the kubelet, which asks the runtime.
describe.each(['spdy', 'websocket'] as const)('through the API server over %s', (transport) => {
  const options: RemoteCommandOptions = { transport, through: 'api-server' };

  test('exec carries both outputs and the exit code', async () => {
    expect(await run(node, target, 'echo out; echo err >&2; exit 7', options)).toEqual({
      code: 7,
      stdout: 'out',
      stderr: 'err',
    });
  });

  test('exec reads its input to the end, and a megabyte comes back whole', async () => {
    const command = await execIn(node, target, ['sh', '-c', 'cat; echo over'], { ...options, stdin: true });
    const line = `${'x'.repeat(63)}\n`;
    for (let part = 0; part < 64; part += 1) command.write(line.repeat(256));
    command.closeStdin();
    expect(await command.exitCode()).toBe(0);
    expect(command.stdout).toBe(`${line.repeat(64 * 256)}over\n`);
  });

  test('exec with a terminal is told its size', async () => {
    const command = await execIn(node, target, ['sh'], { ...options, stdin: true, tty: true });
    command.resize(101, 31);
    command.write('until [ "$(stty size)" = "31 101" ]; do sleep 0.05; done; echo "it is $(stty size)"\n');
    await command.sees(/it is 31 101/);
    command.write('exit 5\n');
    expect(await command.exitCode()).toBe(5);
  });

  test('attach joins a terminal', async () => {
    const terminal = await attachTo(node, target, {
      ...options,
      container: 'terminal',
      stdin: true,
      tty: true,
    });
    terminal.write(`${transport}\n`);
    await terminal.sees(new RegExp(`read ${transport}`));
    terminal.cut();
  });

  test('port-forward reaches what listens in the pod, and says so where nothing does', async () => {
    const ports = await PortForwarding.throughApiServer(node, target, transport, [8080, 81]);
    const [first, bad, second] = [
      await ports.connect(8080),
      await ports.connect(81),
      await ports.connect(8080),
    ];
    for (const [connection, word] of [
      [first, 'one'],
      [second, 'two'],
    ] as const) {
      ports.send(connection, `GET /echo?msg=${word} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n`);
      await ports.sees(connection, new RegExp(`^HTTP/1\\.1 200 [\\s\\S]*${word}`));
    }
    await eventually(
      () => ports.error(bad),
      (text) => text.includes('refused'),
    );
    ports.close();
    await ports.closed;
  });
});

test('logs come through the API server, of the one before too', async () => {
  const { client } = node.controlPlane;
  const log = async (query: string): Promise<string> =>
    await client.get<string>(`${podPath(target)}/log?${query}`);
  expect(await log('container=growing')).toBe('one\n');
  expect(await log('container=again&previous=true')).toBe('before\n');
  expect(await log('container=growing&timestamps=true')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z one\n$/);
  await run(node, target, 'touch /tmp/go', { container: 'growing' });
  await eventually(
    async () => await log('container=growing'),
    (text) => text === 'one\ntwo\n',
  );
  expect(await log('container=growing&tailLines=1')).toBe('two\n');
  expect(await log('container=growing&limitBytes=2')).toBe('on');
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  agnhost,
  attachTo,
  execIn,
  forever,
  isReady,
  KubeletNode,
  type Pod,
  PortForwarding,
  pod,
  run,
  runStatic,
  sh,
} from './harness/index.ts';

let node: KubeletNode;
let target: Pod;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 160 });
  const containers = [
    { ...forever },
    { name: 'cat', stdin: true, ...sh('trap "exit 0" TERM; cat; sleep 3600 & wait') },
    {
      name: 'terminal',
      stdin: true,
      tty: true,
      ...sh('stty -echo; while read line; do echo "read $line"; done'),
    },
    { name: 'web', ...agnhost('netexec', '--http-port=8080') },
    { name: 'chatty', ...sh('for i in 1 2 3; do echo line $i; echo error $i >&2; done; exec sleep 3600') },
    {
      name: 'growing',
      ...sh('echo waiting; until [ -e /tmp/go ]; do sleep 0.05; done; echo grown; exec sleep 3600'),
    },
  ];
  target = await runStatic(node, pod('streams', { containers }), isReady);
});
afterAll(async () => await node?.dispose());

describe.each(['spdy', 'websocket'] as const)('over %s', (transport) => {
  test('exec carries both outputs and the exit code', async () => {
    expect(await run(node, target, 'echo out; echo err >&2; exit 7', { transport })).toEqual({
      code: 7,
      stdout: 'out',
      stderr: 'err',
    });
    expect((await run(node, target, 'true', { transport })).code).toBe(0);
  });

  test('exec reads its input to the end', async () => {
    const command = await execIn(node, target, ['sh', '-c', 'cat; echo over'], { transport, stdin: true });
    command.write('one\n');
    await command.sees(/^one\n/);
    command.write('two\n');
    command.closeStdin();
    expect(await command.exitCode()).toBe(0);
    expect(command.stdout).toBe('one\ntwo\nover\n');
  });

  test('exec carries megabytes both ways unharmed', async () => {
    const lines = `${Array.from({ length: 400_000 }, (_, at) => at + 1).join('\n')}\n`;
    const command = await execIn(node, target, ['cat'], { transport, stdin: true });
    for (let at = 0; at < lines.length; at += 30_000) command.write(lines.slice(at, at + 30_000));
    command.closeStdin();
    expect(await command.exitCode()).toBe(0);
    expect(command.stdout.length).toBe(lines.length);
    expect(command.stdout === lines).toBe(true);
  });

  test('exec with a terminal is told its size', async () => {
    const command = await execIn(node, target, ['sh'], { transport, stdin: true, tty: true });
    command.resize(101, 31);
    command.write('until [ "$(stty size)" = "31 101" ]; do sleep 0.05; done; echo "it is $(stty size)"\n');
    await command.sees(/it is 31 101/);
    command.write('exit 5\n');
    expect(await command.exitCode()).toBe(5);
  });

  test('a program that is not there is an error, not an exit code', async () => {
    const command = await execIn(node, target, ['/no/such/program'], { transport });
    await expect(command.exitCode()).rejects.toThrow(/no such|not found|No such/);
  });

  test('attach joins a terminal and leaves it to the next', async () => {
    for (const word of ['first', 'second']) {
      const terminal = await attachTo(node, target, {
        container: 'terminal',
        transport,
        stdin: true,
        tty: true,
      });
      terminal.write(`${word}\n`);
      await terminal.sees(new RegExp(`read ${word}`));
      terminal.cut();
    }
  });

  test('attach carries input to a container without a terminal', async () => {
    const command = await attachTo(node, target, { container: 'cat', transport, stdin: true });
    command.write(`by ${transport}\n`);
    await command.sees(new RegExp(`by ${transport}`));
    command.close();
  });

  test('port-forward reaches what listens in the pod, and says so where nothing does', async () => {
    const ports = await PortForwarding.open(node, target, transport, [8080, 81]);
    const [good, bad] = [await ports.connect(8080), await ports.connect(81)];
    ports.send(good, 'GET /echo?msg=through HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n');
    await ports.sees(good, /^HTTP\/1\.1 200 [\s\S]*through/);
    await eventually(
      () => ports.error(bad),
      (text) => text.includes('refused'),
    );
    ports.close();
    await ports.closed;
  });
});

test('logs come whole, by tail and with times', async () => {
  const { api } = node.kubelet;
  await api.followLogs(target, 'chatty', /(?=[\s\S]*line 3)(?=[\s\S]*error 3)/);
  const lines = (await api.logs(target, 'chatty')).trim().split('\n');
  expect(lines.filter((line) => line.startsWith('line'))).toEqual(['line 1', 'line 2', 'line 3']);
  expect(lines.filter((line) => line.startsWith('error'))).toEqual(['error 1', 'error 2', 'error 3']);
  expect((await api.logs(target, 'chatty', 'tailLines=1')).trim()).toBe(lines.at(-1));
  expect(await api.logs(target, 'chatty', 'timestamps=true&tailLines=1')).toMatch(
    /^\d{4}-\d\d-\d\dT[\d:.]+Z \w+ 3\n$/,
  );
  expect((await api.get(`/containerLogs/default/${target.metadata.name}/nobody`)).status).toBe(404);
});

test('a log is followed while it grows', async () => {
  const seen = node.kubelet.api.followLogs(target, 'growing', /grown\n$/);
  await run(node, target, 'touch /tmp/go', { container: 'growing' });
  expect(await seen).toBe('waiting\ngrown\n');
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});

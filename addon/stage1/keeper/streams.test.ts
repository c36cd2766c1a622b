import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  eventually,
  makeRootfs,
  newId,
  openStream,
  type Rootfs,
  readAll,
  second,
  TestPod,
} from '../testing/index.ts';

const EINVAL = 22;
const ENOENT = 2;
const ESRCH = 3;
const ETIMEDOUT = 110;

let rootfs: Rootfs;
let pod: TestPod;

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
beforeEach(async () => {
  pod = await TestPod.start({ rootfs: rootfs.path });
});
afterEach(() => pod.close());

describe('a process without stdin', () => {
  it.each([
    ['removed', 'rm /dev/null'],
    ['replaced by a file', 'rm /dev/null; echo text > /dev/null'],
    ['replaced by a directory', 'rm /dev/null; mkdir /dev/null'],
  ])('reads its end at once, also where the app’s /dev/null was %s', async (_what, deed) => {
    const id = await pod.run({ args: ['sh', '-c', `${deed}; echo done; exec sleep 60`] });
    await eventually(() => expect(pod.logLines(id)).toContainEqual(['stdout', 'F', 'done']));
    const { exit, stdout } = await pod.exec(id, ['sh', '-c', 'cat; echo read']);
    expect([exit.exitCode, stdout]).toEqual([0, 'read\n']);
  });

  it('is made where a volume without /dev/null lies on /dev', async () => {
    const volume = join(pod.directory, 'volume');
    mkdirSync(volume);
    const mounts = [{ destination: '/dev', type: 'bind', source: volume, options: ['rbind', 'rw'] }];
    const id = await pod.run({ args: ['sh', '-c', 'cat; echo read'], mounts });
    await pod.exitOf(id);
    expect(pod.logLines(id)).toEqual([['stdout', 'F', 'read']]);
    expect(readdirSync(volume)).toEqual([]);
  });
});

describe('a command whose file is there', () => {
  it.each([
    ['is no program', 'garbage', 'exec /tmp/file: exec format error\n'],
    [
      'has an interpreter that is not',
      '#!/no/such/shell',
      'exec /tmp/file: no such file or directory (its interpreter is missing)\n',
    ],
  ])('and %s ends with 255 and says why', async (_what, content, said) => {
    const make = `printf %s '${content}' > /tmp/file; chmod +x /tmp/file; echo made; exec sleep 60`;
    const id = await pod.run({ args: ['sh', '-c', make] });
    await eventually(() => expect(pod.logLines(id)).toContainEqual(['stdout', 'F', 'made']));
    const { exit, stderr } = await pod.exec(id, ['/tmp/file']);
    expect([exit.exitCode, stderr]).toEqual([255, said]);
  });

  it('or is not is the request’s error', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    await expect(pod.exec(id, ['/tmp/none'])).rejects.toMatchObject({ errno: ENOENT });
  });
});

describe('attach', () => {
  it('has room for as many clients at once as there may be', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    process.kill(pod.pid, 'SIGSTOP');
    const opening = Array.from({ length: 400 }, () => pod.attach(id, 'STDOUT'));
    process.kill(pod.pid, 'SIGCONT');
    const opened = await Promise.allSettled(opening);
    for (const result of opened) if (result.status === 'fulfilled') result.value.destroy();
    expect(opened.filter(({ status }) => status === 'rejected').length).toBe(0);
  });

  it('gives every client the output from then on, and ends with the app', async () => {
    const id = await pod.run({ args: ['sh', '-c', 'read x; echo "got $x"; echo err >&2'], stdin: true });
    const [first, second_, errors] = await Promise.all([
      pod.attach(id, 'STDOUT').then(readAll),
      pod.attach(id, 'STDOUT').then(readAll),
      pod.attach(id, 'STDERR').then(readAll),
      pod.attach(id, 'STDIN').then((input) => setTimeout(() => input.end('hello\n'), 100)),
    ]);
    expect([first.toString(), second_.toString(), errors.toString()]).toEqual([
      'got hello\n',
      'got hello\n',
      'err\n',
    ]);
    // The log is another process's; the exit is told when it is whole.
    await pod.exitOf(id);
    expect(pod.logLines(id)).toContainEqual(['stdout', 'F', 'got hello']);
  });

  it('keeps stdin open for the next client, unless stdinOnce', async () => {
    const open = await pod.run({ args: ['sh', '-c', 'read a; read b; echo $a$b'], stdin: true });
    (await pod.attach(open, 'STDIN')).end('1\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    (await pod.attach(open, 'STDIN')).end('2\n');
    await pod.exitOf(open);
    expect(pod.logLines(open)).toEqual([['stdout', 'F', '12']]);
    const once = await pod.run({ args: ['sh', '-c', 'cat; echo eof'], stdin: true, stdinOnce: true });
    (await pod.attach(once, 'STDIN')).end('x\n');
    await pod.exitOf(once);
    expect(pod.logLines(once).map(([, , line]) => line)).toEqual(['x', 'eof']);
  });

  it('gives a terminal: one output, sizes, echo', async () => {
    const id = await pod.run({
      args: ['sh', '-c', 'read x; stty size; test -t 2 && echo tty'],
      terminal: true,
      stdin: true,
    });
    await pod.control.request({ resize: { appId: id, rows: 33, columns: 77 } });
    const output = pod.attach(id, 'STDOUT').then(readAll);
    (await pod.attach(id, 'STDIN')).end('hi\n');
    await pod.exitOf(id);
    expect((await output).toString()).toBe('hi\r\n33 77\r\ntty\r\n');
    await expect(pod.attach(id, 'STDOUT')).rejects.toMatchObject({ errno: ESRCH });
  });

  it('refuses streams that the app does not have', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    await expect(pod.attach(id, 'STDIN')).rejects.toMatchObject({ errno: EINVAL });
    await expect(pod.attach(newId(), 'STDOUT')).rejects.toMatchObject({ errno: ENOENT });
    const terminal = await pod.run({ args: ['sleep', '60'], terminal: true });
    await expect(pod.attach(terminal, 'STDERR')).rejects.toMatchObject({ errno: EINVAL });
  });

  it('notices that clients are gone while the app does not read, and keeps what the first of them sent', async () => {
    const id = await pod.run({
      args: ['sh', '-c', 'read x; echo "got $x"; head -c 50000 | wc -c'],
      stdin: true,
    });
    const output = await pod.attach(id, 'STDOUT');
    const reading = readAll(output);
    const stopped = await pod.run({ args: ['sleep', '60'], stdin: true });
    const before = pod.openDescriptors();
    for (let client = 0; client < 20; ++client) {
      const input = await pod.attach(stopped, 'STDIN');
      input.on('error', () => undefined);
      input.write(Buffer.alloc(1 << 20, 'x'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      input.destroy();
    }
    await eventually(() => expect(pod.openDescriptors()).toBeLessThanOrEqual(before));
    // What was sent before the app reads is there when it does, as far as the bound goes.
    const input = await pod.attach(id, 'STDIN');
    await new Promise<void>((resolve) => input.write(`line\n${'y'.repeat(50_000)}`, () => resolve()));
    input.destroy();
    expect((await reading).toString()).toMatch(/^got line\n *50000\n$/);
  });

  it('cuts off a client that does not read, and the app never waits for it', async () => {
    const size = 64 << 20;
    const script = `head -c ${size} /dev/zero | tr '\\0' '\\n'`;
    const zero = { destination: '/dev/zero', type: 'bind', source: '/dev/zero', options: ['bind'] };
    const log = { kind: 'none' };
    const id = await pod.run({ args: ['sh', '-c', `read x; ${script}`], stdin: true, log, mounts: [zero] });
    const before = pod.openDescriptors();
    const rude = await pod.attach(id, 'STDOUT');
    (await pod.attach(id, 'STDIN')).end('\n');
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 0 });
    await eventually(() => expect(pod.openDescriptors()).toBeLessThan(before), 10_000);
    rude.destroy();
  });
});

describe('exec', () => {
  it('carries output, errors and exit code', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const { exit, stdout, stderr } = await pod.exec(id, ['sh', '-c', 'echo out; echo err >&2; exit 5']);
    expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    expect(exit).toMatchObject({ exitCode: 5, timedOut: false, killed: false });
  });

  it('passes stdin and its end', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const { exit, stdout } = await pod.exec(id, ['sh', '-c', 'cat; echo end'], {
      input: 'x'.repeat(300_000),
    });
    expect(stdout).toBe(`${'x'.repeat(300_000)}end\n`);
    expect(exit.exitCode).toBe(0);
  });

  it('delivers all output before it reports the exit', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const { stdout } = await pod.exec(id, ['sh', '-c', 'seq 1 200000']);
    expect(stdout.length).toBe(1_288_895);
    expect(stdout.endsWith('\n200000\n')).toBe(true);
  });

  it('has a terminal when asked, and all of its output', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const { stdout, exit } = await pod.exec(id, ['sh', '-c', 'tty; seq 1 2000; exit 3'], { terminal: true });
    expect(stdout.replaceAll('\r', '')).toBe(
      `/dev/pts/0\n${Array.from({ length: 2000 }, (_, at) => `${at + 1}\n`).join('')}`,
    );
    expect(exit.exitCode).toBe(3);
  });

  it('kills the whole tree at its time-out, promptly', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const marker = `6${Date.now() % 100_000}`;
    const began = Date.now();
    const script = `setsid sleep ${marker} & (trap '' TERM HUP; sleep ${marker}) & sleep ${marker}`;
    const { exit } = await pod.exec(id, ['sh', '-c', script], { timeout: second / 2n });
    expect(exit).toMatchObject({ timedOut: true, killed: true, exitCode: 137 });
    expect(Date.now() - began).toBeLessThan(3_000);
    const { stdout } = await pod.exec(id, ['ps', '-o', 'args']);
    expect(stdout).not.toContain(marker);
  });

  it('does not wait for a background process that holds the output, nor kill it', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const { exit, stdout } = await pod.exec(id, ['sh', '-c', 'echo now; sleep 77 &']);
    expect(stdout).toBe('now\n');
    expect(exit.exitCode).toBe(0);
    expect((await pod.exec(id, ['ps', '-o', 'args'])).stdout).toContain('sleep 77');
  });

  it('waits for a slow reader as a pipe does', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const execId = newId();
    const output = await openStream(pod.socketPath, { appId: id, execId, stream: 'STDOUT' });
    await pod.startExec(id, execId, ['sh', '-c', 'seq 1 2000000'], { streams: ['STDOUT'] });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(pod.control.events.some((event) => event.execExited)).toBe(false);
    expect((await readAll(output)).length).toBe(14_888_896);
    expect((await pod.execExit(execId)).exitCode).toBe(0);
  });

  it('names what is wrong', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    await expect(pod.startExec(id, newId(), ['no-such-program'])).rejects.toMatchObject({ errno: ENOENT });
    await expect(pod.startExec(newId(), newId(), ['true'])).rejects.toMatchObject({ errno: ENOENT });
    await expect(pod.startExec(id, 'a/b', ['true'])).rejects.toMatchObject({ errno: EINVAL });
    const gone = await pod.run({ args: ['true'] });
    await pod.exitOf(gone);
    await expect(pod.startExec(gone, newId(), ['true'])).rejects.toMatchObject({ errno: ESRCH });
  });

  it('gives up when its streams do not come', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    await expect(pod.startExec(id, newId(), ['true'], { streams: ['STDOUT'] })).rejects.toMatchObject({
      errno: ETIMEDOUT,
    });
  });

  it('is killed by a request, with what it started', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const execId = newId();
    await pod.startExec(id, execId, ['sh', '-c', 'sleep 88 & sleep 89']);
    await pod.control.request({ kill: { appId: id, execId, signal: 9, all: true } });
    expect(await pod.execExit(execId)).toMatchObject({ exitCode: 137, killed: true, timedOut: false });
    expect((await pod.exec(id, ['ps', '-o', 'args'])).stdout).not.toContain('sleep 88');
  });

  it('leaves no descriptor behind, whatever its clients do', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const before = pod.openDescriptors();
    for (let round = 0; round < 20; ++round) {
      const execId = newId();
      const out = await openStream(pod.socketPath, { appId: id, execId, stream: 'STDOUT' });
      const input = await openStream(pod.socketPath, { appId: id, execId, stream: 'STDIN' });
      await pod.startExec(id, execId, ['sh', '-c', 'seq 1 100000; cat'], { streams: ['STDOUT', 'STDIN'] });
      out.destroy();
      input.destroy();
      expect((await pod.execExit(execId)).exitCode).toBe(0);
    }
    await eventually(() => expect(pod.openDescriptors()).toBeLessThanOrEqual(before));
  });
});

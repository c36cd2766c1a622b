// D-Bus with a real daemon, on a socket of its own; sd_notify with a real receiver.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BusValue, type NativeBus, native } from '../../src/base/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-bus-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('a connection to D-Bus', () => {
  const address = `unix:path=${directory}/bus`;
  const signals: [string, BusValue[]][] = [];
  let closed: Error | undefined;
  let daemon: ChildProcess;
  let bus: NativeBus;

  const call = (member: string, signature = '', values: BusValue[] = []): Promise<BusValue[]> =>
    bus.call(
      'org.freedesktop.DBus',
      '/org/freedesktop/DBus',
      'org.freedesktop.DBus',
      member,
      signature,
      values,
      10_000,
    );

  beforeAll(async () => {
    daemon = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1', `--address=${address}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(daemon.stdout as NodeJS.ReadableStream, 'data');
    const { Bus } = native();
    bus = new Bus(
      address,
      true,
      (_path, _interface, member, values) => signals.push([member, values]),
      (reason) => {
        closed = reason;
      },
    );
  });
  afterAll(() => daemon.kill());

  it('calls methods and reads what they return', async () => {
    const [names] = await call('ListNames');
    expect(names).toContain('org.freedesktop.DBus');
    expect(await call('RequestName', 'su', ['org.example.Gantry', 0])).toEqual([1]);
    expect(await call('NameHasOwner', 's', ['org.example.Gantry'])).toEqual([true]);
  });

  it('sends every type that systemd’s properties have', async () => {
    const properties: BusValue = [
      ['a', ['t', 2n ** 64n - 1n]],
      ['b', ['b', true]],
      ['c', ['ay', [255, 1]]],
      ['d', ['au', [42]]],
      ['e', ['a(ss)', [['/dev/null', 'rwm']]]],
      ['f', ['a(st)', [['/dev/block/8:0', 7n]]]],
      ['g', ['x', -5n]],
    ];
    // Refused for its name, by a daemon that ends the connection where a message is malformed.
    const refused = await call('NoSuchMethod', 'sa(sv)', ['x', properties]).catch((error: unknown) => error);
    expect(refused).toMatchObject({ busError: 'org.freedesktop.DBus.Error.UnknownMethod' });
    expect(await call('NameHasOwner', 's', ['org.example.Gantry'])).toEqual([true]);
  });

  it('hears signals', async () => {
    await call('AddMatch', 's', ["type='signal',member='NameOwnerChanged'"]);
    await call('RequestName', 'su', ['org.example.Heard', 0]);
    expect(signals.filter(([, [name]]) => name === 'org.example.Heard').map(([member]) => member)).toContain(
      'NameOwnerChanged',
    );
  });

  it.each<[string, string, BusValue[], RegExp]>([
    ['a word for a number', 'u', ['x'], /not a number/],
    ['too few values', 'uu', [1], /array of that length/],
    ['too many values', 'u', [1, 2], /array of that length/],
    ['a signature that is none', 'a', [[]], /array of that length|valid signature/],
    ['a variant without its type', 'v', [5], /\[signature, value\]/],
  ])('refuses %s', (_name, signature, values, message) => {
    expect(() => call('X', signature, values)).toThrow(message);
  });

  it('fails calls, now and later, when the other side is gone', async () => {
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    await expect(call('ListNames')).rejects.toThrow(/call ListNames/);
    await expect.poll(() => closed?.message).toMatch(/closed by the other side/);
    await expect(call('ListNames')).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  it('says that nobody is there', async () => {
    const { Bus } = native();
    const reason = await new Promise<Error>((resolve) => {
      new Bus(`unix:path=${directory}/none`, true, () => undefined, resolve);
    });
    expect(reason).toMatchObject({ code: 'ENOENT' });
  });
});

describe('notify', () => {
  const receive =
    'socket(S, PF_UNIX, SOCK_DGRAM, 0); my $n = $ARGV[0]; $n =~ s/^@/\\0/; bind(S, pack_sockaddr_un($n)) or die $!; ' +
    '$| = 1; print "bound\\n"; recv(S, my $b, 4096, 0); print $b';

  it.each([
    ['a path', `${directory}/notify`],
    ['an abstract name', `@gantry-test-${process.pid}`],
  ])('reaches %s', async (_name, socket) => {
    const perl = spawn('perl', ['-MSocket', '-e', receive, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    perl.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    await expect.poll(() => said, { timeout: 10_000 }).toBe('bound\n');
    native().notify(socket, 'READY=1\nSTATUS=here\n');
    await once(perl, 'close');
    expect(said).toBe('bound\nREADY=1\nSTATUS=here\n');
  });

  it.each([
    ['a path where nobody is', `${directory}/nobody`, 'ENOENT'],
    ['an abstract name that nobody has', `@gantry-nobody-${process.pid}`, 'ECONNREFUSED'],
    ['what is neither', 'vsock:2:1234', 'EINVAL'],
  ])('fails for %s', (_name, socket, code) => {
    expect(() => native().notify(socket, 'READY=1')).toThrow(expect.objectContaining({ code }));
  });
});

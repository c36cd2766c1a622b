import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programs } from './harness/index.ts';

let directory: string;
let taken: Server;
beforeAll(async () => {
  directory = mkdtempSync('/tmp/ge-');
  mkdirSync(join(directory, 'ro'));
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'e2e', join(directory, 'ro')]);
  writeFileSync(join(directory, 'file'), '');
  taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
});
afterAll(() => {
  spawnSync('umount', [join(directory, 'ro')]);
  taken.close();
  rmSync(directory, { recursive: true });
});

function port(): number {
  const address = taken.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A setting that cannot be, and what is said of it. `%` is the test's directory. */
const wrongs: (readonly [what: string, flag: string, value: () => string, says: RegExp])[] = [
  [
    'an address of another kind',
    '--listen',
    () => 'tcp://127.0.0.1:5',
    /command line: listen: must be unix:.*not "tcp:/,
  ],
  ['a file in the place of the socket', '--listen', () => 'unix://%/file', /file exists and is no socket/],
  [
    'a socket path that is too long',
    '--listen',
    () => `unix://%/${'s'.repeat(100)}`,
    /longer than the 107 bytes/,
  ],
  ['a port that is taken', '--metrics', () => `127.0.0.1:${port()}`, /address already in use/],
  ['no port', '--metrics', () => 'localhost', /command line: metrics: must be HOST:PORT/],
  ['a state that leaves no room for sockets', '--state', () => `%/${'s'.repeat(30)}`, /longer than 33 bytes/],
  ['a read-only root', '--root', () => '%/ro/root', /ro\/root.*EROFS/],
  ['a read-only state', '--state', () => '%/ro/s', /ro\/s.*EROFS/],
  ['a range that is none', '--builtin-subnet', () => '10.0.0.1', /builtin-subnet is wrong: .*not a range/],
  ['a bridge that cannot be', '--builtin-bridge', () => 'a/b', /builtin-bridge or .* no name for a bridge/],
];
// Where systemd is the init its driver is right.
if (!existsSync('/run/systemd/system'))
  wrongs.push([
    'the driver of an absent systemd',
    '--cgroup-driver',
    () => 'systemd',
    /systemd is not this host's init/,
  ]);

// A server that cannot start must say so and end: a service manager would wait for it, and nobody else could have its root.
describe('a server that cannot start ends with one line', () => {
  test.each(wrongs)('%s', (_what, flag, value, says) => {
    const own = { '--listen': 'unix://%/sock', '--root': '%/root', '--state': '%/s', [flag]: value() };
    const flags = Object.entries(own).map(([name, text]) => `${name}=${text.replace('%', directory)}`);
    const ended = spawnSync(programs.gantry, ['serve', '--log-level=error', ...flags], {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    expect(ended.status).toBe(1);
    expect(`${ended.stdout}${ended.stderr}`).toMatch(
      new RegExp(`^gantry serve: [^\\n]*${says.source}[^\\n]*\\n$`),
    );
    expect(existsSync(join(directory, 'sock'))).toBe(false);
  });
});

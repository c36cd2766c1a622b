/** A stage1 of an older release listens with room for 128 clients that it has not accepted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectSocket } from './connection.ts';

const listener = `
  require('node:net').createServer((socket) => socket.on('error', () => {}))
    .listen({ path: process.argv[1], backlog: 8 }, () => console.log('listening'));
`;

test('more clients at once than a listener has room for all get in', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-connect-'));
  const path = join(directory, 'ctl');
  const server = spawn(process.execPath, ['-e', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    server.kill('SIGSTOP');
    const connecting = Array.from({ length: 50 }, () => connectSocket(path));
    setTimeout(() => server.kill('SIGCONT'), 100);
    const results = await Promise.allSettled<Socket>(connecting);
    for (const result of results) if (result.status === 'fulfilled') result.value.destroy();
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  } finally {
    server.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
});

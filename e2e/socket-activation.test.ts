import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Daemon, exec, pull, removePod, runPod, shellImage, startContainer, World } from './harness/index.ts';

// As a service manager starts a server at a socket's first client. systemd itself does so in e2e/systemd.
describe('a server that is handed its socket', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.create({
      subnet: 101,
      server: {
        serve: ({ argv, socket, logFile }) =>
          new Daemon({ argv: ['systemd-socket-activate', '--listen', socket, ...argv], socket, logFile }),
      },
    });
  });
  afterAll(async () => await world?.dispose());

  test('serves on it, sessions and all', async () => {
    await pull(world, shellImage);
    const pod = await runPod(world);
    const id = await startContainer(world, pod);
    expect((await exec(world, id, 'echo served')).text).toBe('served');
    await removePod(world, pod);
  });

  test('leaves it where it is when it ends', async () => {
    await world.gantry.daemon.stop();
    expect(statSync(world.gantry.socket).isSocket()).toBe(true);
  });
});

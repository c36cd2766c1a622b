// The connection with a real message bus, on which systemd's name is taken by nobody, or by ourselves.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { busErrorOf, ManagerBus } from './bus.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-manager-'));
const daemons: ChildProcess[] = [];
afterAll(() => {
  for (const daemon of daemons) daemon.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Without services that it would start. */
async function startBus(name: string): Promise<{ address: string; isBus: true }> {
  const address = `unix:path=${directory}/${name}`;
  const config = join(directory, `${name}.conf`);
  const policy =
    '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>';
  writeFileSync(config, `<busconfig><listen>${address}</listen><auth>EXTERNAL</auth>${policy}</busconfig>`);
  const daemon = spawn('dbus-daemon', ['--nofork', '--print-address=1', `--config-file=${config}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  daemons.push(daemon);
  await once(daemon.stdout as NodeJS.ReadableStream, 'data');
  return { address, isBus: true };
}

it('says which addresses it tried first where nobody is', async () => {
  const bus = new ManagerBus(() => [{ address: 'unix:path=/nonexistent/bus', isBus: true }]);
  await expect(bus.call('ListUnits', '', [])).rejects.toMatchObject({
    code: 'unavailable',
    operation: 'connect to systemd',
    subject: 'unix:path=/nonexistent/bus',
    message: expect.stringMatching(
      /cannot be reached at unix:path=\/nonexistent\/bus: .*cgroup-driver = "systemd"/,
    ),
  });
});

it('says that systemd is not on the bus, with D-Bus’ own name of the error, and tries anew at the next call', async () => {
  const address = await startBus('bus');
  let asked = 0;
  const bus = new ManagerBus(() => {
    asked += 1;
    return [address];
  });
  for (const attempt of [1, 2]) {
    const error = await bus.call('ListUnits', '', []).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(busErrorOf(error)).toBe('org.freedesktop.DBus.Error.ServiceUnknown');
    expect(asked).toBe(attempt);
  }
});

/** The server as the units in packaging/systemd run it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonOptions, eventually, type Server } from '../harness/index.ts';
import { show, systemctl } from './units.ts';

const shipped = fileURLToPath(new URL('../../packaging/systemd', import.meta.url));
const installed = '/etc/systemd/system';

/** Installs both units; what they run, and where, is this test's own. */
export function gantryService({ argv, socket }: DaemonOptions): Server {
  for (const unit of ['gantry.service', 'gantry.socket'])
    copyFileSync(join(shipped, unit), join(installed, unit));
  // Less time for the watchdog: what it does is the same, and the test waits for it.
  dropIn('gantry.service', `[Service]\nExecStart=\nExecStart=${argv.join(' ')}\nWatchdogSec=30\n`);
  dropIn('gantry.socket', `[Socket]\nListenStream=\nListenStream=${socket}\n`);
  systemctl('daemon-reload');
  return {
    get pid() {
      return mainPid();
    },
    get isRunning() {
      return mainPid() !== 0;
    },
    get log() {
      return journal('-u', 'gantry.service', '-o', 'cat');
    },
    change() {
      throw new Error('the units are what is tested');
    },
    async start() {
      systemctl('start', 'gantry.socket', 'gantry.service');
      await Promise.resolve();
    },
    async kill() {
      const before = mainPid();
      systemctl('kill', '--kill-whom=main', '--signal=KILL', 'gantry.service');
      await eventually(mainPid, (pid) => pid !== 0 && pid !== before, 120);
    },
    async stop() {
      systemctl('stop', 'gantry.socket', 'gantry.service');
      await Promise.resolve();
    },
  };
}

export function mainPid(): number {
  return Number(show('gantry.service', 'MainPID')['MainPID']);
}

export function journal(...args: string[]): string {
  return execFileSync('journalctl', ['--no-pager', '-q', ...args], { encoding: 'utf8', maxBuffer: 64 << 20 });
}

function dropIn(unit: string, text: string): void {
  const directory = join(installed, `${unit}.d`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'test.conf'), text);
}

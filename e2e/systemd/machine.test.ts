import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const whole = join(dirname(fileURLToPath(import.meta.url)), '../guest/whole');
const limit = 25 * 60_000;

/** The tests in this folder that run inside of the virtual machine, in one boot of it. */
const inside = ['limits', 'service', 'journal'];

// systemd is the usual host, and none that these tests run on: a virtual machine has it as its init, and cgroup v2 alone.
describe.runIf(process.arch === 'x64')('a machine that systemd runs', () => {
  test(
    'limits, units and journal are as they should be',
    () => {
      const config = 'e2e/systemd/vitest.config.ts';
      const command = ['node_modules/.bin/vitest', 'run', '--config', config, '--reporter=verbose'];
      const { status, stdout, stderr } = spawnSync(whole, ['systemd', ...command], {
        encoding: 'utf8',
        timeout: limit,
        env: { ...process.env, NO_COLOR: '1' },
      });
      const said = stdout.replaceAll('\r', '');
      if (status !== 0)
        throw new Error(`the tests inside ended with ${status ?? 'a signal'}:\n${said}${stderr}`);
      const passed = said.split('\n').filter((line) => line.trim().startsWith('✓ e2e/systemd/'));
      for (const file of inside)
        expect(passed.filter((line) => line.includes(`/${file}.guest.ts`))).not.toEqual([]);
      expect(said).toMatch(/Tests +\d+ passed \(\d+\)/);
    },
    limit,
  );
});

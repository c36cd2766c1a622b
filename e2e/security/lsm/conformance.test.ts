import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const whole = join(dirname(fileURLToPath(import.meta.url)), 'whole');

// The suite's nine specs that a host without AppArmor skips, and the server's own start on such a host.
describe.runIf(process.arch === 'x64')('critest where AppArmor is in force', () => {
  test('passes all of its AppArmor specs', () => {
    const critest = ['e2e/isolated', 'node', 'e2e/critest/run.ts', '--network', 'builtin', 'apparmor'];
    const said = execFileSync(whole, ['apparmor', ...critest], { encoding: 'utf8', timeout: 590_000 });
    expect(said).toMatch(/critest, spdy: passed 10, failed 0, skipped 0/);
    expect(said.match(/^passed .*AppArmor runtime/gm)).toHaveLength(9);
  }, 600_000);
});

import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const whole = join(dirname(fileURLToPath(import.meta.url)), '../../guest/whole');
const limit = 20 * 60_000;

/** What critest says with `module` in force, of a group of its specs or of all. */
function critest(module: string, ...group: string[]): string {
  const command = ['e2e/isolated', 'node', 'e2e/critest/run.ts', '--network', 'builtin', ...group];
  const { status, stdout, stderr } = spawnSync(whole, [module, ...command], {
    encoding: 'utf8',
    timeout: limit,
  });
  if (status !== 0) throw new Error(`critest ended with ${status ?? 'a signal'}:\n${stdout}${stderr}`);
  return stdout;
}

// A host of another kind: Linux 6.1, nothing but cgroup v2, a security module.
describe.runIf(process.arch === 'x64')('critest under Debian’s kernel', () => {
  test(
    'passes whole where AppArmor is in force, with the specs that other hosts skip',
    () => {
      const said = critest('apparmor');
      expect(said).toMatch(/critest, spdy: passed 124, failed 0, skipped 1/);
      expect(said.match(/passed .*AppArmor runtime/g)).toHaveLength(9);
    },
    limit,
  );

  test(
    'passes the security specs where SELinux is in force',
    () => {
      expect(critest('selinux', 'security')).toMatch(/critest, spdy: passed \d+, failed 0, skipped 0/);
    },
    limit,
  );
});

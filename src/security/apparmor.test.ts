import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { defaultAppArmorText } from './apparmor-default.ts';

// Debian's parser, unpacked by `hack/install test`: it compiles profiles on hosts without AppArmor too.
const package_ = fileURLToPath(new URL('../../build/debs/apparmor', import.meta.url));
const directory = `${package_}/etc/apparmor.d`;

/** What would be loaded into the kernel, for the features of AppArmor 3.0. */
function compiled(text: string): Buffer {
  const features = ['--base', directory, '--config-file', '/dev/null', '-M', `${directory}/abi/3.0`];
  const done = spawnSync(`${package_}/sbin/apparmor_parser`, ['-QKS', ...features], { input: text });
  if (done.error !== undefined) throw done.error;
  expect(`${done.stderr}`).toBe('');
  expect(done.status).toBe(0);
  return done.stdout;
}

describe('the default profile, as apparmor_parser understands it', () => {
  const text = defaultAppArmorText('gantry-default', 'abi/3.0');
  const whole = compiled(text);

  it('is one profile of its name', () => {
    expect(whole.includes('gantry-default\0')).toBe(true);
    expect(compiled(defaultAppArmorText('gantry-default', undefined)).length).toBeGreaterThan(1000);
  });

  const rules = text.split('\n').filter((line) => /^ {2}[a-z].*,$/.test(line));
  it('has fifteen rules', () => expect(rules).toHaveLength(15));

  it.each(rules)('means something else without %s', (rule) => {
    expect(compiled(text.replace(`${rule}\n`, '')).equals(whole)).toBe(false);
  });

  // The same rule written otherwise is the same automaton.
  it.each([
    ['deny /proc/{kcore,sysrq-trigger} rwklx,', 'deny /proc/kcore rwklx, deny /proc/sysrq-trigger rwklx,'],
    ['signal (receive) peer=unconfined,', 'signal receive peer=unconfined,'],
    [
      'deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,',
      'deny /sys/devices/virtual/powercap/** rwklx, deny /sys/kernel/security/** rwklx, deny /sys/firmware/** rwklx,',
    ],
  ])('%s says what it is meant to', (rule, other) => {
    expect(text).toContain(rule);
    expect(compiled(text.replace(rule, other)).equals(whole)).toBe(true);
  });

  it('would not hide a mistake', () => {
    expect(() => compiled(text.replace('umount,', 'umonut,'))).toThrow();
  });
});

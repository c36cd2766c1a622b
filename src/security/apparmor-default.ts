import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { GantryError } from '../base/index.ts';
import { defaultAppArmorProfile } from './apparmor.ts';

export const appArmorParser = '/sbin/apparmor_parser';

/** Of AppArmor 3.0 and later, below /etc/apparmor.d: with it, rules for mounts, signals and ptrace are enforced. */
const featureAbi = 'abi/3.0';

/**
 * The profile of containers that ask for none: everything that ordinary programs do, and none of what would change the
 * kernel through /proc and /sys, were it not masked already.
 *
 * @param abi the feature ABI that the rules are meant by, where the host has its file; else the parser's own default
 */
export function defaultAppArmorText(name: string, abi: string | undefined): string {
  return `${abi === undefined ? '' : `abi <${abi}>,\n`}
profile ${name} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  deny mount,

  # Its own kind, and whoever is not confined on the host (stage1 is), may signal and trace it.
  signal (send,receive) peer=${name},
  signal (receive) peer=unconfined,
  ptrace (trace,tracedby,read,readby) peer=${name},

  # Of /proc only processes' own directories may be written, and of its sys only kernel/shm*.
  deny /proc/* w,
  deny /proc/{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}/** w,
  deny /proc/sys/[^k]** w,
  deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny /proc/{kcore,sysrq-trigger} rwklx,

  # Of /sys only fs/cgroup may be written; some of it may not even be read.
  deny /sys/{[^f]*,f[^s]*,fs/[^c]*,fs/c[^g]*,fs/cg[^r]*}/** wklx,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}
`;
}

/** Loads it into the kernel, replacing an older one. For hosts with AppArmor only. Errors: failed-precondition. */
export function loadDefaultAppArmor(): void {
  const abi = existsSync(`/etc/apparmor.d/${featureAbi}`) ? featureAbi : undefined;
  const { status, stderr, error } = spawnSync(appArmorParser, ['-Kr'], {
    input: defaultAppArmorText(defaultAppArmorProfile, abi),
    encoding: 'utf8',
  });
  if (status === 0) return;
  throw new GantryError({
    code: 'failed-precondition',
    operation: 'load AppArmor profile',
    subject: defaultAppArmorProfile,
    message: `${appArmorParser} did not load the profile ${defaultAppArmorProfile}: ${error?.message ?? stderr.trim()}`,
  });
}

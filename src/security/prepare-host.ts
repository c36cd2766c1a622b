import { existsSync } from 'node:fs';
import { describeError } from '../base/index.ts';
import { loadDefaultAppArmor } from './apparmor-default.ts';
import type { HostFacts } from './types.ts';

/**
 * Once, when the server starts: loads what containers are going to be confined by. Returns what the operator should know;
 * nothing of it keeps a server from starting, since containers that need what is missing are refused by name.
 */
export function prepareHostSecurity(host: HostFacts): string[] {
  const warnings: string[] = [];
  try {
    if (host.appArmor) loadDefaultAppArmor();
  } catch (error) {
    warnings.push(describeError(error));
  }
  if (host.seLinux === undefined && existsSync('/sys/fs/selinux/enforce')) {
    warnings.push(
      'SELinux is on, but its policy has no contexts for containers (lxc_contexts): containers run unlabelled. ' +
        'Installing container-selinux and starting the server again changes that',
    );
  }
  if (host.seLinux?.unseparated === '') {
    warnings.push(
      'the SELinux policy has no type spc_t: privileged containers run in the type of gantry-stage1',
    );
  }
  return warnings;
}

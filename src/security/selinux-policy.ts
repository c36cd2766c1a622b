import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SeLinuxPolicy } from './types.ts';

/** Container-selinux's type for processes that are not kept from the host. */
const superPrivileged = 'spc_t';

/**
 * What the host's policy gives to containers: `process` and `file` of `contexts/lxc_contexts` in the directory of the
 * policy's kind (selinux(8), SELINUXTYPE in /etc/selinux/config). Undefined where SELinux is off, or has no policy for
 * containers: then they are left unlabelled, as under the peers.
 *
 * @param root '/'; tests give a directory that looks like it
 */
export function readSeLinuxPolicy(root: string): SeLinuxPolicy | undefined {
  if (!existsSync(join(root, 'sys/fs/selinux/enforce'))) return undefined;
  const kind = settings(join(root, 'etc/selinux/config')).get('SELINUXTYPE') || 'targeted';
  const contexts = settings(join(root, 'etc/selinux', kind, 'contexts/lxc_contexts'));
  const process = contexts.get('process') ?? '';
  const file = contexts.get('file') ?? '';
  if (!isContext(process) || !isContext(file)) return undefined;
  const [user, role, , ...level] = process.split(':');
  const context = [user, role, superPrivileged, ...level].join(':');
  return { process, file, unseparated: isValid(root, context) ? superPrivileged : '' };
}

/** `name = value` a line, the value perhaps in quotes. */
function settings(file: string): Map<string, string> {
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*"?([^"#]*?)"?\s*$/.exec(line) ?? [];
      return name === '' ? [] : [[name, value]];
    }),
  );
}

function isContext(text: string): boolean {
  return /^[^:]+:[^:]+:[^:]+(:.+)?$/.test(text);
}

/** security_check_context(3): the kernel refuses what the loaded policy does not know. */
function isValid(root: string, context: string): boolean {
  try {
    writeFileSync(join(root, 'sys/fs/selinux/context'), `${context}\0`);
    return true;
  } catch {
    return false;
  }
}

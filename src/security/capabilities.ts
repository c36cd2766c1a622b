import type { OciCapabilities } from '../base/index.ts';
import type { LinuxContainerSecurityContext } from '../cri-types/index.ts';
import { invalid } from './errors.ts';

/** capabilities(7), in the order of their numbers. */
export const allCapabilities: readonly string[] = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...[
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_PACCT',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_NICE',
  ],
  ...[
    'SYS_RESOURCE',
    'SYS_TIME',
    'SYS_TTY_CONFIG',
    'MKNOD',
    'LEASE',
    'AUDIT_WRITE',
    'AUDIT_CONTROL',
    'SETFCAP',
  ],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

/** What containerd gives a container that asks for nothing; Docker's set too. */
const defaultCapabilities: readonly string[] = [
  ...[
    'CHOWN',
    'DAC_OVERRIDE',
    'FSETID',
    'FOWNER',
    'MKNOD',
    'NET_RAW',
    'SETGID',
    'SETUID',
    'SETFCAP',
    'SETPCAP',
  ],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
].map((name) => `CAP_${name}`);

/**
 * OCI's five sets. ALL is applied first, then the single names: additions, then removals. `available` is what the host
 * lets us give: what is missing there is left out, for ALL as for a single name. Ambient ones only when asked for: what
 * a process that is not root keeps across exec is otherwise nothing (Docker's rule, which Kubernetes relies on).
 */
export function containerCapabilities(
  security: LinuxContainerSecurityContext | undefined,
  available: readonly string[],
): OciCapabilities {
  if (security?.privileged) return sets(available, []);
  const asked = security?.capabilities;
  const add = names(asked?.addCapabilities ?? []);
  const drop = names(asked?.dropCapabilities ?? []);
  const ambient = names(asked?.addAmbientCapabilities ?? []);
  const granted = new Set(drop.all ? [] : add.all ? available : defaultCapabilities);
  for (const name of [...add.single, ...ambient.single]) granted.add(name);
  for (const name of drop.single) granted.delete(name);
  const held = allCapabilities.filter((name) => granted.has(name) && available.includes(name));
  const kept = ambient.all ? held : held.filter((name) => ambient.single.includes(name));
  return sets(held, kept);
}

function sets(held: readonly string[], ambient: readonly string[]): OciCapabilities {
  return {
    bounding: [...held],
    effective: [...held],
    permitted: [...held],
    // The kernel drops an ambient capability that is not inheritable.
    ...(ambient.length > 0 ? { inheritable: [...ambient], ambient: [...ambient] } : {}),
  };
}

function names(list: readonly string[]): { all: boolean; single: string[] } {
  const upper = list.map((name) => name.toUpperCase());
  const single = upper
    .filter((name) => name !== 'ALL')
    .map((name) => (name.startsWith('CAP_') ? name : `CAP_${name}`));
  for (const name of single) {
    if (!allCapabilities.includes(name)) throw invalid(name, `there is no capability ${name}`);
  }
  return { all: upper.includes('ALL'), single };
}

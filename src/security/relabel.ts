import { posix } from 'node:path';
import { relabelHostTree } from '../host-files/index.ts';
import { invalid } from './errors.ts';
import { containerLabels, type LabelInput } from './selinux.ts';
import type { ContainerSpecInput, HostFacts, HostLookups } from './types.ts';

/** Host paths that are to have a container's file label, with all that is below them. */
export interface RelabelPlan {
  readonly label: string;
  readonly paths: readonly string[];
}

/** The host's own: with a container's label, the host's programs could not use them any more (the peers' list). */
const forbidden: ReadonlySet<string> = new Set([
  ...[
    '/',
    '/bin',
    '/boot',
    '/dev',
    '/etc',
    '/etc/passwd',
    '/etc/pki',
    '/etc/shadow',
    '/home',
    '/lib',
    '/lib64',
  ],
  ...[
    '/media',
    '/opt',
    '/proc',
    '/root',
    '/run',
    '/sbin',
    '/srv',
    '/sys',
    '/tmp',
    '/usr',
    '/var',
    '/var/lib',
  ],
  // Where /bin and its like lead today.
  ...['/var/log', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/lib64', '/var/run'],
]);

/**
 * The volumes whose mounts ask for it (`selinux_relabel`), and the pod's own files, which every container is shown. The
 * label is the container's own (no sharing beyond the pod). Nothing without SELinux, and nothing for a process that may use
 * every file. Errors: invalid-argument for a path that is the host's.
 */
export function relabelPlan(
  input: LabelInput & Pick<ContainerSpecInput, 'files'>,
  host: HostFacts,
  lookups: HostLookups,
): RelabelPlan | undefined {
  const labels = containerLabels(input, host);
  if (labels === undefined || labels.unseparated) return undefined;
  const volumes = input.container.mounts
    .filter((mount) => mount.selinuxRelabel && mount.hostPath !== '')
    .map(({ hostPath, containerPath }) => {
      const path = lookups.realPath(hostPath) ?? hostPath;
      for (const name of [posix.normalize(hostPath).replace(/(.)\/$/, '$1'), path]) {
        if (forbidden.has(name)) {
          throw invalid(
            hostPath,
            `${name} is the host's and is not given a container's SELinux label; mount it at ${containerPath} without selinux_relabel`,
          );
        }
      }
      return path;
    });
  const { hostname, hosts, resolvConf } = input.files;
  const files = [hostname, hosts, resolvConf].filter((file) => file !== '');
  return { label: labels.mount, paths: [...new Set([...volumes, ...files])] };
}

/**
 * Does it. Errors: those of setting an attribute (EROFS, EPERM), naming the file; deadline-exceeded for a volume that does not
 * answer; the signal's reason. Safe to repeat.
 */
export async function relabel(plan: RelabelPlan, signal: AbortSignal): Promise<void> {
  for (const path of plan.paths) await relabelHostTree(path, plan.label, signal);
}

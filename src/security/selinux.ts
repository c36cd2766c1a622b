import type { SELinuxOption } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import type { HostFacts } from './types.ts';

export interface SeLinuxLabels {
  readonly process: string;
  readonly mount: string;
}

/** The types that container-selinux ships. */
const processDefault = { user: 'system_u', role: 'system_r', type: 'container_t' } as const;
const fileDefault = { user: 'system_u', role: 'object_r', type: 'container_file_t' } as const;

/**
 * Labels of a pod's processes and files. A container without options of its own has its pod's; without a level both get
 * the pod's pair of categories, made from its ID, so that one pod's files are closed to the next. Undefined without
 * SELinux, and for a privileged container.
 */
export function seLinuxLabels(
  container: SELinuxOption | undefined,
  pod: SELinuxOption | undefined,
  sandboxId: string,
  host: HostFacts,
): SeLinuxLabels | undefined {
  const own = [container, pod].find((o) => o !== undefined && (o.user || o.role || o.type || o.level) !== '');
  if (own !== undefined) checkLevel(own.level);
  if (!host.seLinux) return undefined;
  const level = own?.level || `s0:${categories(sandboxId)}`;
  const { user, role, type } = processDefault;
  return {
    process: [own?.user || user, own?.role || role, own?.type || type, level].join(':'),
    mount: [own?.user || fileDefault.user, fileDefault.role, fileDefault.type, level].join(':'),
  };
}

/** `s0`, `s0:c1,c2`, `s0-s0:c0.c1023`. */
function checkLevel(level: string): void {
  const category = 'c\\d{1,4}([.,]c\\d{1,4})*';
  const single = `s\\d+(:${category})?`;
  if (level !== '' && !new RegExp(`^${single}(-${single})?$`).test(level)) {
    throw invalid(level, `'${level}' is no SELinux level`);
  }
}

/** Two different categories below 1024, the smaller first. */
function categories(sandboxId: string): string {
  const number = Number.parseInt(sandboxId.slice(0, 8), 16);
  const first = number % 1024;
  const second = (first + 1 + (Math.floor(number / 1024) % 1023)) % 1024;
  return first < second ? `c${first},c${second}` : `c${second},c${first}`;
}

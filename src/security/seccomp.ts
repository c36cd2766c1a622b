import type { OciSeccomp } from '../base/index.ts';
import { describeError } from '../base/index.ts';
import type { LinuxContainerSecurityContext, SecurityProfile } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import { defaultSeccomp } from './seccomp-default.ts';
import type { HostFacts, HostLookups } from './types.ts';

/** The deprecated string form of a profile (CRI: seccomp_profile_path, apparmor_profile). */
export function profileFromText(text: string): SecurityProfile | undefined {
  if (text === '') return undefined;
  if (text === 'runtime/default' || text === 'docker/default')
    return { profileType: 'RuntimeDefault', localhostRef: '' };
  if (text === 'unconfined') return { profileType: 'Unconfined', localhostRef: '' };
  if (text.startsWith('localhost/')) {
    return { profileType: 'Localhost', localhostRef: text.slice('localhost/'.length) };
  }
  throw invalid(text, `'${text}' is no security profile: runtime/default, unconfined or localhost/…`);
}

export function checkedProfile(profile: SecurityProfile, kind: string): SecurityProfile {
  if (profile.profileType !== 'Localhost' && profile.localhostRef !== '') {
    throw invalid(profile.localhostRef, `${kind}: localhost_ref goes with the profile type Localhost only`);
  }
  if (profile.profileType === 'Localhost' && profile.localhostRef === '') {
    throw invalid('localhost_ref', `${kind}: the profile type Localhost needs a localhost_ref`);
  }
  return profile;
}

/**
 * The container's filter. Nothing asked for means none, as everywhere under CRI: the kubelet asks for RuntimeDefault
 * where it is wanted. A privileged container has none.
 */
export function containerSeccomp(
  security: LinuxContainerSecurityContext | undefined,
  bounding: readonly string[],
  host: HostFacts,
  lookups: HostLookups,
): OciSeccomp | undefined {
  if (security === undefined || security.privileged) return undefined;
  const asked = security.seccomp ?? profileFromText(security.seccompProfilePath);
  if (asked === undefined) return undefined;
  const profile = checkedProfile(asked, 'seccomp');
  if (profile.profileType === 'Unconfined') return undefined;
  if (!host.seccomp)
    throw invalid('seccomp', 'this kernel has no seccomp filters; only Unconfined is possible');
  if (profile.profileType === 'RuntimeDefault') return defaultSeccomp(bounding, host.architecture);
  return localhostProfile(profile.localhostRef.replace(/^localhost\//, ''), lookups);
}

/** The file that `containerSeccomp` is going to read; undefined for none, or for what it refuses. Pure. */
export function localhostSeccompPath(
  security: LinuxContainerSecurityContext | undefined,
): string | undefined {
  if (security === undefined || security.privileged) return undefined;
  const text = security.seccompProfilePath;
  const asked = security.seccomp ?? (text.startsWith('localhost/') ? profileFromText(text) : undefined);
  if (asked?.profileType !== 'Localhost' || asked.localhostRef === '') return undefined;
  return asked.localhostRef.replace(/^localhost\//, '');
}

function localhostProfile(path: string, lookups: HostLookups): OciSeccomp {
  if (!path.startsWith('/')) throw invalid(path, `seccomp profile '${path}' is not an absolute path`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(lookups.readText(path));
  } catch (error) {
    throw invalid(path, `seccomp profile ${path} cannot be read: ${describeError(error)}`);
  }
  return checkedDocument(parsed, path);
}

/** OCI's `linux.seccomp`, config-linux.md. Structure only: names and actions are libseccomp's to know. */
function checkedDocument(value: unknown, path: string): OciSeccomp {
  const bad = (what: string): Error => invalid(path, `seccomp profile ${path}: ${what}`);
  if (typeof value !== 'object' || value === null) throw bad('not a JSON object');
  const profile = value as Partial<OciSeccomp>;
  if (typeof profile.defaultAction !== 'string') throw bad('defaultAction is missing');
  if (profile.syscalls !== undefined && !Array.isArray(profile.syscalls)) throw bad('syscalls is not a list');
  for (const [index, rule] of (profile.syscalls ?? []).entries()) {
    if (typeof rule !== 'object' || rule === null) throw bad(`syscalls[${index}] is not an object`);
    if (!Array.isArray(rule.names) || rule.names.length === 0) throw bad(`syscalls[${index}].names is empty`);
    if (typeof rule.action !== 'string') throw bad(`syscalls[${index}].action is missing`);
  }
  return profile as OciSeccomp;
}

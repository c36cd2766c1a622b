import type { LinuxContainerSecurityContext } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import { checkedProfile, profileFromText } from './seccomp.ts';
import type { HostFacts, HostLookups } from './types.ts';

/** Loaded when `serve` starts on a host with AppArmor; see apparmor-default.ts. */
export const defaultAppArmorProfile = 'gantry-default';

/**
 * The AppArmor profile's name, or undefined for none. Nothing asked for means the default one (Kubernetes: "AppArmor",
 * runtime/default), but for a privileged container. On a host without AppArmor only Unconfined, or nothing, is possible.
 */
export function containerAppArmor(
  security: LinuxContainerSecurityContext | undefined,
  host: HostFacts,
  lookups: HostLookups,
): string | undefined {
  const given = security?.apparmor ?? profileFromText(security?.apparmorProfile ?? '');
  const asked = given === undefined ? undefined : checkedProfile(given, 'AppArmor');
  if (asked?.profileType === 'Unconfined') return undefined;
  if (!host.appArmor) {
    if (asked === undefined) return undefined;
    throw invalid(
      'apparmor',
      'AppArmor is not enabled on this host (it takes the kernel module and apparmor_parser); only Unconfined is possible',
    );
  }
  if (asked?.profileType !== 'Localhost' && security?.privileged) return undefined;
  const name =
    asked?.profileType === 'Localhost'
      ? asked.localhostRef.replace(/^localhost\//, '')
      : defaultAppArmorProfile;
  if (!lookups.appArmorProfiles().includes(name)) {
    const remedy = name === defaultAppArmorProfile ? "; a restart of 'gantry serve' loads it" : '';
    throw invalid(name, `AppArmor profile '${name}' is not loaded on this host${remedy}`);
  }
  return name;
}

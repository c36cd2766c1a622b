import type { BusValue } from '../../base/index.ts';

/** A property of a unit as the D-Bus interface has it (org.freedesktop.systemd1(5)): name, D-Bus type, value. */
export interface UnitProperty {
  readonly name: string;
  readonly type: string;
  readonly value: BusValue;
}

/** What systemd calls infinity. */
export const infinity = 2n ** 64n - 1n;

/** The first major version of systemd that knows a property; one that is older refuses the whole call. Others: 240 and before. */
const since: Readonly<Record<string, number>> = {
  CPUQuotaPeriodUSec: 242,
  AllowedCPUs: 244,
  AllowedMemoryNodes: 244,
  OOMPolicy: 253,
  MemoryZSwapMax: 253,
};

/** Those that this version of systemd takes; for the others the cgroup's files have to do. */
export function knownTo(version: number, properties: readonly UnitProperty[]): UnitProperty[] {
  return properties.filter(({ name, value }) => {
    // Weight 0 is "idle".
    if (name === 'CPUWeight' && value === 0n) return version >= 252;
    return version >= (since[name] ?? 0);
  });
}

/** As StartTransientUnit and SetUnitProperties take them: a(sv). */
export function asVariants(properties: readonly UnitProperty[]): BusValue {
  return properties.map(({ name, type, value }) => [name, [type, value]]);
}

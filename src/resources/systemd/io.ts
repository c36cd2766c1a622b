import type { OciResources, OciThrottle } from '../../base/index.ts';
import { infinity, type UnitProperty } from './unit-property.ts';

type BlockIo = NonNullable<OciResources['blockIO']>;

/** systemd looks the device up by its path; udev keeps one of this name for each. */
export function blockPath(major: number, minor: number): string {
  return `/dev/block/${major}:${minor}`;
}

/** 10–1000, as v1 had it, spread over v2's 1–10000, as stage1 does it. */
export function ioWeightOf(weight: number): bigint {
  return BigInt(1 + Math.floor(((Math.max(weight, 10) - 10) * 9999) / 990));
}

/** Weight and limits of block devices. v1 and v2 have different names, and v1 has no limits of operations. */
export function ioProperties(io: BlockIo, unified: boolean): UnitProperty[] {
  const { weight = 0 } = io;
  const names = unified
    ? (['IOReadBandwidthMax', 'IOWriteBandwidthMax'] as const)
    : (['BlockIOReadBandwidth', 'BlockIOWriteBandwidth'] as const);
  return [
    ...(weight === 0 ? [] : [weightProperty(weight, unified)]),
    ...throttle(names[0], io.throttleReadBpsDevice),
    ...throttle(names[1], io.throttleWriteBpsDevice),
    ...(unified ? throttle('IOReadIOPSMax', io.throttleReadIOPSDevice) : []),
    ...(unified ? throttle('IOWriteIOPSMax', io.throttleWriteIOPSDevice) : []),
  ];
}

function weightProperty(weight: number, unified: boolean): UnitProperty {
  return unified
    ? { name: 'IOWeight', type: 't', value: ioWeightOf(weight) }
    : { name: 'BlockIOWeight', type: 't', value: BigInt(weight) };
}

function throttle(name: string, entries: readonly OciThrottle[] = []): UnitProperty[] {
  if (entries.length === 0) return [];
  const value = entries.map(({ major, minor, rate }) => [
    blockPath(major, minor),
    rate === 0 ? infinity : BigInt(rate),
  ]);
  return [{ name, type: 'a(st)', value }];
}

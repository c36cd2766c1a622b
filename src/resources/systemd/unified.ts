import { blockPath } from './io.ts';
import { numberSet } from './number-set.ts';
import { infinity, type UnitProperty } from './unit-property.ts';

/** Files of cgroup v2 that are one property with one number, or "max". */
const numbers: Readonly<Record<string, string>> = {
  'memory.min': 'MemoryMin',
  'memory.low': 'MemoryLow',
  'memory.high': 'MemoryHigh',
  'memory.max': 'MemoryMax',
  'memory.swap.max': 'MemorySwapMax',
  'memory.zswap.max': 'MemoryZSwapMax',
  'pids.max': 'TasksMax',
  'cpu.weight': 'CPUWeight',
};

const ioLimits: Readonly<Record<string, string>> = {
  rbps: 'IOReadBandwidthMax',
  wbps: 'IOWriteBandwidthMax',
  riops: 'IOReadIOPSMax',
  wiops: 'IOWriteIOPSMax',
};

/** OCI's `unified`, file → value, as far as systemd has properties for it. Pure. What is malformed gives none: stage1 refuses it. */
export function unifiedProperties(unified: Readonly<Record<string, string>>): UnitProperty[] {
  return Object.entries(unified).flatMap(([file, value]) => {
    const name = numbers[file];
    if (name !== undefined) return numberProperty(name, value);
    switch (file) {
      case 'cpu.max':
        return cpuMax(value);
      case 'cpu.idle':
        return value.trim() === '1' ? [{ name: 'CPUWeight', type: 't', value: 0n }] : [];
      case 'cpuset.cpus':
        return numberSet('AllowedCPUs', value);
      case 'cpuset.mems':
        return numberSet('AllowedMemoryNodes', value);
      case 'memory.oom.group':
        return [{ name: 'OOMPolicy', type: 's', value: value.trim() === '1' ? 'kill' : 'continue' }];
      case 'io.weight':
        return numberProperty('IOWeight', value.trim().replace(/^default\s+/, ''));
      case 'io.max':
        return ioMax(value);
      default:
        return [];
    }
  });
}

function numberProperty(name: string, value: string): UnitProperty[] {
  const number = amount(value);
  return number === undefined ? [] : [{ name, type: 't', value: number }];
}

function amount(text: string): bigint | undefined {
  const value = text.trim();
  if (value === 'max') return infinity;
  return /^\d+$/.test(value) ? BigInt(value) : undefined;
}

/** "<quota> <period>", the quota in whole percents as systemd keeps it. */
function cpuMax(value: string): UnitProperty[] {
  const [first = '', second = '100000'] = value.trim().split(/\s+/);
  const quota = amount(first);
  const period = amount(second);
  if (quota === undefined || period === undefined || period === 0n || period === infinity) return [];
  const perSecond = quota === infinity ? infinity : ((quota * 100n + period - 1n) / period) * 10_000n;
  return [
    { name: 'CPUQuotaPeriodUSec', type: 't', value: period },
    { name: 'CPUQuotaPerSecUSec', type: 't', value: perSecond },
  ];
}

/** "8:0 rbps=1048576 wiops=max", one line or several. */
function ioMax(value: string): UnitProperty[] {
  const limits = new Map<string, [string, bigint][]>();
  for (const line of value.trim().split('\n')) {
    const [device = '', ...pairs] = line.trim().split(/\s+/);
    const numbersOf = /^(\d+):(\d+)$/.exec(device);
    if (numbersOf === null) return [];
    for (const pair of pairs) {
      const [key = '', text = ''] = pair.split('=');
      const name = ioLimits[key];
      const number = amount(text);
      if (name === undefined || number === undefined) return [];
      const entry: [string, bigint] = [blockPath(Number(numbersOf[1]), Number(numbersOf[2])), number];
      limits.set(name, [...(limits.get(name) ?? []), entry]);
    }
  }
  return [...limits].map(([name, entries]) => ({ name, type: 'a(st)', value: entries }));
}

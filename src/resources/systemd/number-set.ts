import type { UnitProperty } from './unit-property.ts';

/** Beyond what any kernel is built for (NR_CPUS is 8192 at most). */
const highest = 65_535;

/** "0-2,7" as systemd has sets of CPUs or memory nodes: a bit each, the lowest first. Nothing for what is no such list: stage1 refuses it. */
export function numberSet(name: string, list: string): UnitProperty[] {
  if (list.trim() === '') return [];
  const bytes: number[] = [];
  for (const part of list.split(',')) {
    const range = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part);
    if (range === null) return [];
    const [first, last] = [Number(range[1]), Number(range[2] ?? range[1])];
    if (first > last || last > highest) return [];
    for (let number = first; number <= last; number++) {
      while (bytes.length <= number >> 3) bytes.push(0);
      bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (1 << (number & 7));
    }
  }
  return [{ name, type: 'ay', value: bytes }];
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupLayout, hierarchyOf } from './layout.ts';
import { readNumber } from './small-file.ts';

/** Huge pages of one size, in bytes. */
export interface HugetlbCounter {
  /** As the kernel writes it: 2MB, 1GB. */
  readonly pageSize: string;
  readonly usage: number | undefined;
  /** Undefined on v2, which does not keep it. */
  readonly maximum: number | undefined;
}

/** One a page size that the kernel knows; none without the controller, or when the cgroup is gone. */
export function readHugetlb(layout: CgroupLayout, path: string): HugetlbCounter[] {
  const hierarchy = hierarchyOf(layout, 'hugetlb');
  if (hierarchy === undefined) return [];
  const directory = join(hierarchy.mountPoint, path);
  const [usage, maximum] =
    hierarchy.version === 1 ? ['usage_in_bytes', 'max_usage_in_bytes'] : ['current', undefined];
  return pageSizes(directory, usage ?? '').map((pageSize) => ({
    pageSize,
    usage: readNumber(join(directory, `hugetlb.${pageSize}.${usage}`)),
    maximum:
      maximum === undefined ? undefined : readNumber(join(directory, `hugetlb.${pageSize}.${maximum}`)),
  }));
}

function pageSizes(directory: string, file: string): string[] {
  try {
    return readdirSync(directory)
      .map((name) => /^hugetlb\.(\d+[KMG]B)\.(\w+)$/.exec(name))
      .flatMap((match) => (match?.[1] !== undefined && match[2] === file ? [match[1]] : []));
  } catch {
    return [];
  }
}

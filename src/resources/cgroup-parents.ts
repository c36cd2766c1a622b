/** The v2 cgroups that the server makes on the way to a pod's own. The v1 ones are stage1's to make and remove. */
import { existsSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CgroupLayout, unifiedOf } from './layout.ts';

/** Which parents of `path` are not there, the innermost first. Under the kubelet all are. */
export function absentParents(layout: CgroupLayout, path: string): string[] {
  const unified = unifiedOf(layout);
  const absent: string[] = [];
  if (unified === undefined || path === '') return absent;
  for (let at = dirname(path); at !== '/' && !existsSync(join(unified.mountPoint, at)); at = dirname(at)) {
    absent.push(at);
  }
  return absent;
}

/** Removes those (the innermost first) that are empty; another pod may be in one by now. Idempotent, never fails. */
export function removeParents(layout: CgroupLayout, parents: readonly string[]): void {
  const unified = unifiedOf(layout);
  if (unified === undefined) return;
  for (const parent of parents) {
    try {
      rmdirSync(join(unified.mountPoint, parent));
    } catch {
      // Gone already, or in use: whoever uses it looks after it.
    }
  }
}

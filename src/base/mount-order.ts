import { posix } from 'node:path';
import type { OciMount } from './oci-spec.ts';

/**
 * Mounts in the order in which none hides another: the outer ones first, those of one depth as they were. What containerd
 * does with all mounts of a container, wherever they come from. Pure.
 */
export function outerMountsFirst(mounts: readonly OciMount[]): OciMount[] {
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}

function depth({ destination }: OciMount): number {
  return posix
    .normalize(destination)
    .split('/')
    .filter((name) => name !== '').length;
}

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** Runs a program in the mount namespace of a process: where a server that was started under `unshare` looks. */
export function inMountNamespace(pid: number, program: string, ...args: string[]): string {
  return execFileSync('nsenter', [`--mount=/proc/${pid}/ns/mnt`, '--', program, ...args], {
    encoding: 'utf8',
  });
}

/** How a server is started in a mount namespace of its own whose `/` propagates as on the hosts that we know. */
export const rootPropagation = {
  /** As systemd sets it up. */
  shared: ['unshare', '--mount', '--propagation', 'shared'],
  /** As the kernel leaves it where nobody set it up. */
  private: ['unshare', '--mount', '--propagation', 'private'],
} as const;

export interface Volume {
  readonly image: string;
  readonly device: string;
}

/** A file with an ext4 file system in it, attached to a loop device. */
export function makeVolume(image: string, mebibytes: number): Volume {
  execFileSync('truncate', ['--size', `${mebibytes}M`, image]);
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
  return { image, device };
}

export function mountVolume(volume: Volume, at: string): void {
  mkdirSync(at, { recursive: true });
  execFileSync('mount', [volume.device, at]);
}

/** Fails while anybody still has the device open, a mount in any namespace included. */
export function detachVolume(volume: Volume): void {
  execFileSync('losetup', ['--detach', volume.device]);
  const left = execFileSync('losetup', ['--associated', volume.image], { encoding: 'utf8' });
  if (left !== '') throw new Error(`still attached, so somebody still has it open: ${left}`);
}

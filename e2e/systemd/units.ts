/** What tests ask of the systemd that runs the machine, and of the kernel behind it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export function systemctl(...args: string[]): string {
  return execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** Properties of a unit, as `systemctl show` has them. */
export function show(unit: string, ...names: string[]): Record<string, string> {
  const text = systemctl('show', unit, ...names.flatMap((name) => ['-p', name]));
  return Object.fromEntries(
    text.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
}

/** Units by a pattern, whatever their state. */
export function units(pattern: string, ...flags: string[]): string[] {
  const text = systemctl('list-units', '--all', '--plain', '--no-legend', ...flags, pattern);
  return text.split('\n').flatMap((line) =>
    line
      .trim()
      .split(/\s+/, 1)
      .filter((name) => name !== ''),
  );
}

/** Where a process is, from the root of cgroup v2. */
export function cgroupOf(pid: number | bigint): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
}

export const scopeOf = (id: string): string => `gantry-${id}.scope`;

/** The files of a container's cgroup that hold limits. */
export function limitsOf(scope: string, files: readonly string[]): Record<string, string> {
  const directory = join('/sys/fs/cgroup', show(scope, 'ControlGroup')['ControlGroup'] ?? '');
  if (basename(directory) !== scope) throw new Error(`${scope} has the cgroup ${directory}`);
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, file), 'utf8').trim()]));
}

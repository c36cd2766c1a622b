import { isUtf8 } from 'node:buffer';
import type { ContainerConfig } from '../cri-types/index.ts';
import type { ImageConfig } from '../image/index.ts';
import { invalid } from './errors.ts';
import type { ContainerSpecInput } from './types.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The argument list. CRI's `command` stands in for ENTRYPOINT and `args` for CMD; a command of its own also switches the
 * image's CMD off (Kubernetes, "Define a Command and Arguments").
 */
export function processArgs(container: ContainerConfig, image: ImageConfig): string[] {
  const { command, args } = container;
  if (command.length > 0) return [...command, ...args];
  // Docker's way of writing "no entry point": one empty string.
  const entrypoint = image.entrypoint.length === 1 && image.entrypoint[0] === '' ? [] : image.entrypoint;
  const all = [...entrypoint, ...(args.length > 0 ? args : image.cmd)];
  if (all.length === 0) {
    throw invalid('command', 'no command: neither the container nor its image says what to run');
  }
  return all;
}

/** `NAME=value` pairs, later ones replacing earlier: defaults, then the image's, then the container's. */
export function processEnv(input: ContainerSpecInput): string[] {
  const env = new Map<string, string>([['PATH', defaultPath]]);
  if (input.container.tty) env.set('TERM', 'xterm');
  env.set('HOSTNAME', input.hostname);
  for (const pair of input.image.env) {
    const equals = pair.indexOf('=');
    if (equals > 0) env.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  for (const { key, value } of input.container.envs) {
    if (key === '' || key.includes('='))
      throw invalid(key, `'${key}' cannot be the name of an environment variable`);
    const text = Buffer.from(value).toString('utf8');
    if (text.includes('\0')) throw invalid(key, `environment variable ${key} holds a NUL byte`);
    env.set(key, text);
  }
  // POSIX programs expect it; runc adds it likewise when nobody set it.
  if (!env.has('HOME')) env.set('HOME', input.account.home === '' ? '/' : input.account.home);
  return [...env].map(([name, value]) => `${name}=${value}`);
}

/**
 * The variables of a container whose values are not UTF-8 (Kubernetes takes them from Secrets), each with its entry in
 * processEnv() and the bytes that it stands for: JSON cannot hold them.
 */
export function processEnvBytes(container: ContainerConfig): { entry: string; bytes: number[] }[] {
  const last = new Map(container.envs.map(({ key, value }) => [key, value]));
  return [...last]
    .filter(([, value]) => !isUtf8(value))
    .map(([key, value]) => ({
      entry: `${key}=${Buffer.from(value).toString('utf8')}`,
      bytes: [...Buffer.from(`${key}=`), ...value],
    }));
}

export function workingDirectory(container: ContainerConfig, image: ImageConfig): string {
  const directory = container.workingDir || image.workingDir || '/';
  if (!directory.startsWith('/')) {
    throw invalid('working_dir', `working directory '${directory}' is not an absolute path`);
  }
  return directory;
}

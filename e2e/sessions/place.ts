import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContainerConfigInit } from '../../src/cri-types/index.ts';
import {
  eventually,
  logOf,
  type Pod,
  pull,
  runPod,
  script,
  shellImage,
  startContainer,
  type World,
} from '../harness/index.ts';
import type { StreamName } from './client.ts';

/** Ports of peer.c. */
export const port = { blocked: 1, echo: 7, deaf: 9, flood: 19, closed: 6 } as const;

/** A pod whose apps sessions are opened to. */
export interface Place {
  readonly world: World;
  readonly pod: Pod;
  /** Counts the lines of its stdin, and says each. */
  readonly counter: string;
  /** Has a stdin and never reads it. */
  readonly deaf: string;
  /** Writes all the time. */
  readonly loud: string;
  /** Ticks each tenth of a second. */
  readonly heart: string;
}

export async function makePlace(world: World): Promise<Place> {
  await pull(world, shellImage);
  const pod = await runPod(world);
  const program = join(world.directory, 'peer');
  const source = fileURLToPath(new URL('peer.c', import.meta.url));
  execFileSync('gcc', ['-static', '-Os', '-s', '-o', program, source]);
  const start = async (name: string, config: ContainerConfigInit): Promise<string> =>
    await startContainer(world, pod, { metadata: { name, attempt: 0 }, logPath: `${name}.log`, ...config });
  const mounts = [{ hostPath: program, containerPath: '/peer', readonly: true }];
  await start('peer', { command: ['/peer'], mounts });
  const heart = 'n=0; while :; do echo tick $n; n=$((n+1)); sleep 0.1; done';
  const counter = 'n=0; while read -r line; do n=$((n+1)); echo "got $n $line"; done';
  const loud = 'while :; do head -c 65536 /dev/zero | tr "\\0" x; echo; sleep 0.01; done';
  const place = {
    world,
    pod,
    heart: await start('heart', script(heart)),
    counter: await start('counter', { ...script(counter), stdin: true }),
    deaf: await start('deaf', { stdin: true }),
    // Its log would fill the disk: it has none.
    loud: await start('loud', { ...script(loud), stdin: true, logPath: '' }),
  };
  await eventually(
    () => logOf(pod, 'peer'),
    (text) => text.includes('ready'),
  );
  return place;
}

export interface ExecOptions {
  readonly streams?: readonly StreamName[];
  readonly tty?: boolean;
}

function selection({ streams = ['stdin', 'stdout', 'stderr'], tty = false }: ExecOptions): {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
} {
  const has = (name: StreamName): boolean => streams.includes(name);
  return { stdin: has('stdin'), stdout: has('stdout'), stderr: has('stderr'), tty };
}

/** The URL of an exec of a shell script. */
export async function execUrl(
  world: World,
  containerId: string,
  text: string,
  options: ExecOptions = {},
): Promise<string> {
  const cmd = ['sh', '-c', text];
  return (await world.cri.call('Exec', { containerId, cmd, ...selection(options) })).url;
}

export async function attachUrl(
  world: World,
  containerId: string,
  options: ExecOptions = {},
): Promise<string> {
  return (await world.cri.call('Attach', { containerId, ...selection(options) })).url;
}

export async function forwardUrl(world: World, podSandboxId: string, ports: number[]): Promise<string> {
  return (await world.cri.call('PortForward', { podSandboxId, port: ports })).url;
}

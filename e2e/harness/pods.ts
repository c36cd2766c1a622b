import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CriError } from '../../hack/cri-client.ts';
import type {
  ContainerConfigInit,
  ContainerStatus,
  ExecSyncResponse,
  PodSandboxConfigInit,
} from '../../src/cri-types/index.ts';
import { patience } from './daemon.ts';
import type { World } from './world.ts';

export const shellImage = 'gantry.test/base:1';

let counter = 0;

/** A pod's config with a name of its own; what is given wins. */
export function podConfig(world: World, config: PodSandboxConfigInit = {}): PodSandboxConfigInit {
  counter += 1;
  const name = `pod-${process.pid}-${counter}`;
  return {
    metadata: { name, namespace: 'e2e', uid: `uid-${name}`, attempt: 0 },
    logDirectory: join(world.logs, name),
    ...config,
    linux: { cgroupParent: world.cgroupParent, ...config.linux },
  };
}

/** In the host's network: nothing to set up, for tests that are not about it. */
export const hostNetwork = {
  securityContext: { namespaceOptions: { network: 'NODE' } },
} as const satisfies PodSandboxConfigInit['linux'];

export interface Pod {
  readonly id: string;
  readonly config: PodSandboxConfigInit;
}

export async function runPod(world: World, config: PodSandboxConfigInit = {}): Promise<Pod> {
  const whole = podConfig(world, config);
  const { podSandboxId } = await world.cri.call('RunPodSandbox', { config: whole });
  return { id: podSandboxId, config: whole };
}

export async function removePod(world: World, pod: Pod): Promise<void> {
  await world.cri.call('StopPodSandbox', { podSandboxId: pod.id }, 60_000);
  await world.cri.call('RemovePodSandbox', { podSandboxId: pod.id }, 60_000);
}

export async function pull(world: World, image: string): Promise<string> {
  return (await world.cri.call('PullImage', { image: { image } }, 120_000)).imageRef;
}

/** Created, not started; `sleep` for ever where no command is given, in the shell image, which must have been pulled. */
export async function createContainer(
  world: World,
  pod: Pod,
  config: ContainerConfigInit = {},
): Promise<string> {
  counter += 1;
  const name = config.metadata?.name ?? `container-${counter}`;
  const { containerId } = await world.cri.call('CreateContainer', {
    podSandboxId: pod.id,
    sandboxConfig: pod.config,
    config: {
      metadata: { name, attempt: 0 },
      image: { image: shellImage },
      command: ['sleep', '36000'],
      logPath: `${name}.log`,
      ...config,
    },
  });
  return containerId;
}

export async function startContainer(
  world: World,
  pod: Pod,
  config: ContainerConfigInit = {},
): Promise<string> {
  const containerId = await createContainer(world, pod, config);
  await world.cri.call('StartContainer', { containerId });
  return containerId;
}

/** A shell script as a container's command. */
export function script(text: string): Pick<ContainerConfigInit, 'command'> {
  return { command: ['sh', '-c', text] };
}

export async function containerStatus(world: World, containerId: string): Promise<ContainerStatus> {
  const { status } = await world.cri.call('ContainerStatus', { containerId });
  if (status === undefined) throw new Error(`${containerId} has no status`);
  return status;
}

export async function waitForExit(world: World, containerId: string, seconds = 30): Promise<ContainerStatus> {
  return await eventually(
    async () => await containerStatus(world, containerId),
    (status) => status.state === 'CONTAINER_EXITED',
    seconds,
  );
}

/** Output and exit code of a shell script in a running container. */
export async function exec(
  world: World,
  containerId: string,
  text: string,
): Promise<ExecSyncResponse & { text: string }> {
  const answer = await world.cri.call('ExecSync', { containerId, cmd: ['sh', '-c', text], timeout: 20 });
  return { ...answer, text: Buffer.from(answer.stdout).toString().trim() };
}

/** What a container wrote, CRI's prefixes taken off and partial lines joined. */
export function logOf(pod: Pod, name: string): string {
  const file = join(pod.config.logDirectory ?? '', `${name}.log`);
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines
    .map((line) => {
      const [, , tag, ...rest] = line.split(' ');
      return rest.join(' ') + (tag === 'P' ? '' : '\n');
    })
    .join('');
}

/** Asks again until the answer is good; fails with the last answer. On machines that are slow by nature it asks for longer. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isGood: (value: T) => boolean,
  seconds = 15,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000 * patience;
  for (;;) {
    const value = await ask();
    if (isGood(value)) return value;
    if (Date.now() > deadline) {
      const seen = JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
      throw new Error(`not within ${seconds * patience} s; last seen: ${seen}`);
    }
    await sleep(50);
  }
}

/** The error that a call must end with. */
export async function failure(call: Promise<unknown>): Promise<CriError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown as CriError,
  );
  if (error === undefined) throw new Error('the call succeeded, and should not have');
  return error;
}

/** A new plug-in is told all that there is. */
import { GantryError } from '../base/index.ts';
import type { ContainerInit, ContainerUpdate, PodSandboxInit } from './generated/messages.ts';
import type { Plugin } from './plugin.ts';
import { encode } from './wire.ts';

/** Bytes: well below ttrpc's 4 MiB a message. */
const CHUNK = 3 << 20;

interface Chunk {
  readonly pods: PodSandboxInit[];
  readonly containers: ContainerInit[];
}

/** In as many messages as needed, pods first. There is always one, also for nothing. */
export function chunks(
  pods: readonly PodSandboxInit[],
  containers: readonly ContainerInit[],
  limit = CHUNK,
): Chunk[] {
  let last: Chunk = { pods: [], containers: [] };
  const all = [last];
  let size = 0;
  const chunkFor = (bytes: number): Chunk => {
    if (size > 0 && size + bytes > limit) {
      last = { pods: [], containers: [] };
      all.push(last);
      size = 0;
    }
    size += bytes;
    return last;
  };
  for (const pod of pods) chunkFor(encode('PodSandbox', pod).length + 8).pods.push(pod);
  for (const container of containers) {
    chunkFor(encode('Container', container).length + 8).containers.push(container);
  }
  return all;
}

/**
 * `timeout` in milliseconds, for all of it. The updates that the plug-in wants. Errors: the call's; failed-precondition for one
 * that does not understand several messages.
 */
export async function synchronize(
  plugin: Plugin,
  pods: readonly PodSandboxInit[],
  containers: readonly ContainerInit[],
  timeout: number,
): Promise<readonly ContainerUpdate[]> {
  const end = performance.now() + timeout;
  const parts = chunks(pods, containers);
  for (const [i, part] of parts.entries()) {
    const more = i < parts.length - 1;
    const left = Math.max(1, Math.round(end - performance.now()));
    const answer = await plugin.call('Synchronize', { ...part, more }, left);
    if (!more) return answer.update;
    if (!answer.more || answer.update.length > 0) {
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'synchronize NRI plug-in',
        subject: plugin.name,
        message: `NRI plug-in "${plugin.name}" does not understand a Synchronize in several messages; build it with NRI 0.9 or newer`,
      });
    }
  }
  return [];
}

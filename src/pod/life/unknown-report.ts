/** What can be told of pods whose record cannot be read or understood: by their manifest, their lock, and their stage1. */
import { readFileSync } from 'node:fs';
import { describeError } from '../../base/index.ts';
import type { Control, PodState } from '../../stage1/index.ts';
import { PodDirectory } from '../store/directory.ts';
import type { UnknownPod } from '../store/registry.ts';
import type { Life } from './life.ts';

/** Milliseconds that one stage1 is waited for: whoever asks wants all the rest. */
const PATIENCE = 1_000;

export interface UnknownPodReport extends UnknownPod {
  /** Whether its lock is held; absent when that cannot be told. */
  readonly alive?: boolean;
  readonly manifest: unknown;
  readonly stage1: unknown;
}

/** All of them. Never rejects. */
export function reportUnknownPods(life: Life): Promise<UnknownPodReport[]> {
  return Promise.all([...life.registry.unknownPods.values()].map((pod) => reportOf(life, pod)));
}

async function reportOf({ roots, control }: Life, pod: UnknownPod): Promise<UnknownPodReport> {
  const directory = new PodDirectory(roots, pod.id);
  const alive = isAlive(directory);
  return {
    ...pod,
    ...(alive === undefined ? {} : { alive }),
    manifest: manifestOf(directory.manifest),
    stage1: alive === false ? null : await stage1Of(control, directory.controlSocket),
  };
}

function isAlive(directory: PodDirectory): boolean | undefined {
  try {
    return directory.isHeld();
  } catch {
    return undefined;
  }
}

/** Who made it and what it is called; null where that cannot be read either. */
function manifestOf(path: string): unknown {
  try {
    const { contractVersion, owner, flavor, hostname } = JSON.parse(readFileSync(path, 'utf8')) as Record<
      string,
      unknown
    >;
    return { contractVersion, owner, flavor, hostname };
  } catch {
    return null;
  }
}

async function stage1Of(control: Control, socket: string): Promise<unknown> {
  try {
    return summary(await stateOf(control, socket));
  } catch (error) {
    return { error: describeError(error) };
  }
}

async function stateOf(control: Control, socket: string): Promise<PodState> {
  const client = await control.Stage1Client.connect(socket);
  const timer = setTimeout(() => client.close(), PATIENCE);
  try {
    return await client.getState();
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

function summary({ hello, ready, apps }: PodState): object {
  return {
    release: hello?.version,
    contractVersion: hello?.contractVersion,
    pid: hello?.pid,
    ready,
    apps: apps.map(({ appId, phase, pid }) => ({ id: appId, phase, pid })),
  };
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { containerd, gantry, type Server, writeConflist } from '../../e2e/harness/index.ts';
import type { MountInit, PodSandboxConfigInit } from '../../src/cri-types/index.ts';
import { CriClient } from '../cri-client.ts';

/** One server that is measured. */
export interface Subject {
  readonly name: 'containerd' | 'gantry' | 'gantry-cni';
  readonly daemon: Server;
  readonly cri: CriClient;
  /** Its processes that each pod costs, by their program's name. */
  readonly podProcesses: RegExp;
  readonly logs: string;
}

export interface Place {
  readonly directory: string;
  readonly hostsDir: string;
  readonly cniConfDir: string;
  /** Instead of a directory below: the file system that images and pods are on. */
  readonly root?: string;
}

export const bridge = 'ge-bench';

/** bridge, host-local and portmap, for both peers. */
export function writeNetwork(directory: string): string {
  const confDir = join(directory, 'cni');
  writeConflist(confDir, {
    name: 'bench',
    bridge,
    subnet: '10.120.0.0/16',
    dataDir: join(directory, 'ipam'),
  });
  return confDir;
}

export async function startContainerd(place: Place): Promise<Subject> {
  const server = containerd({ ...place, directory: place.root ?? join(place.directory, 'containerd') });
  return await started(place, 'containerd', server, /containerd-shim|\/pause/);
}

export async function startGantry(place: Place, network: 'builtin' | 'cni'): Promise<Subject> {
  const name = network === 'builtin' ? 'gantry' : 'gantry-cni';
  const config = `builtin-bridge = "ge-bench0"\nbuiltin-subnet = "10.121.0.0/16"\n`;
  const server = gantry({ ...place, directory: join(place.directory, name), network, config });
  return await started(place, name, server, /gantry-(stage1|log|init)\b/);
}

async function started(
  place: Place,
  name: Subject['name'],
  server: { daemon: Server; socket: string },
  podProcesses: RegExp,
): Promise<Subject> {
  const logs = join(place.directory, `logs-${name}`);
  mkdirSync(logs, { recursive: true });
  await server.daemon.start();
  const cri = new CriClient(server.socket);
  // containerd's socket is there before its CRI plug-in is.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const version = await cri.call('Version', {}).catch(() => undefined);
    if (version !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { name, daemon: server.daemon, cri, podProcesses, logs };
}

export async function stopSubject({ cri, daemon }: Subject): Promise<void> {
  const { items } = await cri.call('ListPodSandbox', {});
  for (const { id } of items) await cri.call('RemovePodSandbox', { podSandboxId: id }, 60_000);
  cri.close();
  await daemon.stop();
}

export const image = 'gantry.test/base:1';
export const hostNetwork: PodSandboxConfigInit['linux'] = {
  securityContext: { namespaceOptions: { network: 'NODE' } },
};

export interface Up {
  readonly pod: string;
  readonly container: string;
}

let counter = 0;

/** RunPodSandbox, CreateContainer, StartContainer. */
export async function bringUp(
  subject: Subject,
  linux: PodSandboxConfigInit['linux'],
  command: string[],
  mounts: MountInit[] = [],
): Promise<Up> {
  counter += 1;
  const name = `bench-${counter}`;
  const config: PodSandboxConfigInit = {
    metadata: { name, namespace: 'bench', uid: `uid-${process.pid}-${counter}`, attempt: 0 },
    logDirectory: join(subject.logs, name),
    linux: { cgroupParent: '/gantry-bench', ...linux },
  };
  mkdirSync(config.logDirectory ?? '', { recursive: true });
  const { podSandboxId } = await subject.cri.call('RunPodSandbox', { config });
  const { containerId } = await subject.cri.call('CreateContainer', {
    podSandboxId,
    sandboxConfig: config,
    config: { metadata: { name: 'c', attempt: 0 }, image: { image }, command, mounts, logPath: 'c.log' },
  });
  await subject.cri.call('StartContainer', { containerId });
  return { pod: podSandboxId, container: containerId };
}

export async function takeDown({ cri }: Subject, { pod }: Up): Promise<void> {
  await cri.call('StopPodSandbox', { podSandboxId: pod }, 60_000);
  await cri.call('RemovePodSandbox', { podSandboxId: pod }, 60_000);
}

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../harness/index.ts';
import {
  busybox,
  keptStorage,
  makeImage,
  makeLayer,
  type Pusher,
  type Registry,
  sha256,
  startRegistry,
  Tree,
  writeHosts,
} from '../../images/index.ts';

/** Kubernetes' own test program with busybox beside it; runs `agnhost pause` where no argument is given. */
export const agnhostImage = 'kubelet.test/agnhost:1';
/** Small, and no two alike: what image garbage collection is tried on. */
export const spareImages = ['1', '2', '3'].map((n) => `kubelet.test/spare-${n}:1`);

/**
 * A registry beside the world's, with the images that only the kubelet's tests want: they need agnhost, which is built
 * from Kubernetes' module.
 */
export async function startKubeletRegistry(directory: string, hosts: string): Promise<Registry> {
  const registry = await startRegistry({ storage: await kubeletStorage(), directory });
  writeHosts(hosts, registry.url, ['kubelet.test']);
  return registry;
}

/** Its storage directory; built once, and again when agnhost or this file changes. */
export function kubeletStorage(): Promise<string> {
  return keptStorage('kubelet', keyOf(import.meta.url), pushAll);
}

async function pushAll(pusher: Pusher): Promise<void> {
  const base = await makeLayer(busybox());
  const program = await makeLayer(new Tree().program('agnhost', join(programs.tools, 'agnhost')));
  await pusher.push('agnhost:1', makeImage([base, program], { Entrypoint: ['/agnhost'], Cmd: ['pause'] }));
  for (const name of spareImages) {
    const file = await makeLayer(new Tree().file('name', `${name}\n`));
    await pusher.push(name.slice(name.indexOf('/') + 1), makeImage([base, file], { Cmd: ['sh'] }));
  }
}

/** Of images that are made by the module `source`, agnhost among them. */
export function keyOf(source: string): string {
  const { size, mtimeMs } = statSync(join(programs.tools, 'agnhost'));
  const made = Buffer.concat([Buffer.from(`${size} ${mtimeMs}`), readFileSync(new URL(source))]);
  return sha256(made).slice('sha256:'.length, 23);
}

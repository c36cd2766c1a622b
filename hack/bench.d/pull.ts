import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { detachVolume, makeVolume, mountVolume } from '../../e2e/harness/index.ts';
import { type Place, startContainerd, startGantry, stopSubject } from './subjects.ts';
import type { Measured } from './table.ts';

const images = [
  { name: 'bench/large:1', work: 'pull over TLS, 4 × 64 MiB, compressible', ratio: 0.5 },
  { name: 'bench/random:1', work: 'pull over TLS, 4 × 64 MiB, incompressible', ratio: 0.8 },
  { name: 'bench/small:1', work: 'pull over TLS, 20,000 small files', ratio: 0.12 },
] as const;

/** Over TLS, as from registries. Each pull into a server whose root is on a file system made for it, empty, on a loop device. */
export async function pulls(place: Place, rounds: number): Promise<Measured[]> {
  const results: Measured[] = [];
  for (const { name, work, ratio } of images) {
    const samples = { peer: [] as number[], ours: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      const order = round % 2 === 0 ? (['peer', 'ours'] as const) : (['ours', 'peer'] as const);
      for (const who of order) samples[who].push(await freshPull(place, who, `gantry.test/${name}`));
    }
    results.push({ work, unit: 'ms', ...samples, budget: { ratio } });
  }
  return results;
}

async function freshPull(place: Place, who: 'peer' | 'ours', image: string): Promise<number> {
  const at = join(place.directory, 'fresh');
  // Not on the file system that the other rows use: it is on a loop device, too.
  const volume = makeVolume(join('/var/tmp', `${basename(place.directory)}-fresh.img`), 3072);
  mountVolume(volume, at);
  const fresh = { ...place, directory: at };
  const subject = who === 'peer' ? await startContainerd(fresh) : await startGantry(fresh, 'builtin');
  try {
    const start = performance.now();
    await subject.cri.call('PullImage', { image: { image } }, 300_000);
    return performance.now() - start;
  } finally {
    await stopSubject(subject);
    execFileSync('umount', ['--lazy', at]);
    detachVolume(volume);
    rmSync(volume.image);
  }
}

import type { Catalogue } from './critest.ts';
import { type Image, makeImage } from './image.ts';
import { makeLayer } from './layer.ts';
import { noise } from './own.ts';
import { Tree } from './tree.ts';

/** What hack/bench pulls: four layers of 64 MiB, half of whose bytes compress or none; 20,000 small files in one layer. */
export async function benchImages(): Promise<Catalogue> {
  const images = new Map<string, Image>();
  const layers = [];
  for (const n of ['0', '1', '2', '3']) {
    const content = Buffer.concat([
      noise(32, n),
      Buffer.alloc(32 << 20, `layer ${n}: text that compresses well. `),
    ]);
    layers.push(await makeLayer(new Tree().file(`data/${n}`, content)));
  }
  images.set('bench/large:1', makeImage(layers, {}));
  const random = [];
  for (const n of ['0', '1', '2', '3'])
    random.push(await makeLayer(new Tree().file(`data/${n}`, noise(64, `random ${n}`))));
  images.set('bench/random:1', makeImage(random, {}));
  const files = new Tree();
  const bytes = noise(1, 'small');
  for (let n = 0; n < 20_000; n += 1) {
    const size = 100 + ((n * 7919) % 4000);
    const at = (n * 104_729) % (bytes.length - size);
    files.file(`files/${n % 200}/${n}`, bytes.subarray(at, at + size));
  }
  images.set('bench/small:1', makeImage([await makeLayer(files)], {}));
  return images;
}

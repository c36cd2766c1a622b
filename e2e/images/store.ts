import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownSources } from './bases.ts';
import { benchImages } from './bench.ts';
import { type Catalogue, critestImages } from './critest.ts';
import { ownImages } from './own.ts';
import { Pusher } from './push.ts';
import { startRegistry } from './registry.ts';

const cache = fileURLToPath(new URL('../../build/images', import.meta.url));

/** Whose binaries the images hold. */
const packages = ['busybox', 'procps', 'util-linux', 'apache2-bin', 'libc6', 'gcc'];

/** `test`: critest's images and our own; `bench`: these and the large ones that only hack/bench pulls. */
export type Selection = 'test' | 'bench';

/**
 * The storage directory of a registry that holds the images. They are built and pushed once; a change of Debian's
 * packages or of this folder makes new ones, and the old go.
 */
export async function imageStorage(selection: Selection = 'test'): Promise<string> {
  const storage = join(cache, `${selection}-${key()}`);
  if (existsSync(storage)) return storage;
  const work = join(cache, `${selection}-making-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const registry = await startRegistry({ storage: join(work, 'storage'), directory: work });
  try {
    const pusher = new Pusher(registry.url);
    for (const catalogue of await catalogues(selection)) {
      for (const [name, image] of catalogue) await pusher.push(name, image);
    }
  } finally {
    await registry.stop();
  }
  removeOlder(selection);
  if (!existsSync(storage)) renameSync(join(work, 'storage'), storage);
  rmSync(work, { recursive: true, force: true });
  return storage;
}

async function catalogues(selection: Selection): Promise<Catalogue[]> {
  const test = [await critestImages(), await ownImages()];
  return selection === 'test' ? test : [...test, await benchImages()];
}

function key(): string {
  const hash = createHash('sha256');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const format = '${Package} ${Version}\n';
  hash.update(execFileSync('dpkg-query', ['-W', '-f', format, ...packages]));
  for (const file of ownSources()) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

function removeOlder(selection: Selection): void {
  for (const name of readdirSync(cache)) {
    if (new RegExp(`^${selection}-[0-9a-f]{16}$`).test(name)) rmSync(join(cache, name), { recursive: true });
  }
}

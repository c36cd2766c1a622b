import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path/posix';

interface Owned {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type Entry = Owned &
  (
    | { readonly kind: 'directory' }
    | { readonly kind: 'file'; readonly content: Buffer }
    | { readonly kind: 'symlink' | 'hardlink'; readonly target: string }
  );

/**
 * What one layer holds: paths without a leading slash, in the order in which they were added. Parents that nobody
 * added come into being as root's directories, 0755.
 */
export class Tree {
  readonly entries = new Map<string, Entry>();

  directory(path: string, owned: Owned = {}): this {
    return this.#add(path, { kind: 'directory', mode: 0o755, ...owned });
  }

  file(path: string, content: string | Buffer, owned: Owned = {}): this {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    return this.#add(path, { kind: 'file', content: bytes, mode: 0o644, ...owned });
  }

  symlink(path: string, target: string): this {
    return this.#add(path, { kind: 'symlink', target });
  }

  /** `target` is a path of the same layer. */
  hardlink(path: string, target: string): this {
    return this.#add(path, { kind: 'hardlink', target: target.replace(/^\//, '') });
  }

  /** An executable of this host at `path`, and every shared library that it needs where its loader looks for them. */
  program(path: string, hostPath: string, owned: Owned = {}): this {
    for (const library of sharedLibraries(hostPath)) {
      if (!this.entries.has(library.slice(1))) this.#fromHost(library, library);
    }
    return this.#fromHost(path, hostPath, { mode: 0o755, ...owned });
  }

  #fromHost(path: string, hostPath: string, owned: Owned = { mode: 0o755 }): this {
    return this.file(path, readFileSync(realpathSync(hostPath)), owned);
  }

  #add(path: string, entry: Entry): this {
    const name = path.replace(/^\//, '');
    const parent = dirname(name);
    if (parent !== '.' && !this.entries.has(parent)) this.directory(parent);
    this.entries.set(name, entry);
    return this;
  }
}

/** The absolute paths that the dynamic loader would open, the loader itself among them; none for a static program. */
function sharedLibraries(program: string): string[] {
  let listing: string;
  try {
    listing = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return [];
  }
  if (listing.includes('not found'))
    throw new Error(`${program} needs a library that is missing:\n${listing}`);
  return [...listing.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
}

import { nowNanoseconds } from '../base/index.ts';
import { hostTreeUsage } from '../host-files/index.ts';

/** What lies in a directory: bytes on disk, a hard-linked file counted once. */
export interface DirectoryUsage {
  /** Nanoseconds since the epoch. */
  readonly timestamp: bigint;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

interface Cached {
  usage: DirectoryUsage | undefined;
  scan: Promise<DirectoryUsage> | undefined;
}

/** How old an answer may be, milliseconds: the kubelet asks every ten seconds. */
const freshFor = 10_000;
/** How long the first question waits for a big tree, milliseconds. */
const patience = 200;

/**
 * Usage of writable layers, by scanning them. Answers come from the last scan; an old one starts the next in the
 * background, in a helper process, so that listing many containers costs nothing. Only one scan runs at a time.
 */
export class DirectoryUsages {
  readonly #cache = new Map<string, Cached>();
  #queue: Promise<unknown> = Promise.resolve();

  /** Of several together; undefined while one of them is not known. */
  async sum(directories: readonly string[]): Promise<DirectoryUsage | undefined> {
    const all = await Promise.all(directories.map((directory) => this.get(directory)));
    const known = all.filter((usage) => usage !== undefined);
    const [first] = known;
    if (first === undefined || known.length < all.length) return undefined;
    const total = (read: (usage: DirectoryUsage) => number): number =>
      known.reduce((sum, usage) => sum + read(usage), 0);
    return {
      timestamp: first.timestamp,
      usedBytes: total(({ usedBytes }) => usedBytes),
      inodesUsed: total(({ inodesUsed }) => inodesUsed),
    };
  }

  /** Undefined when the first scan takes longer than a moment; the next question will find it done. */
  async get(directory: string): Promise<DirectoryUsage | undefined> {
    const cached = this.#cache.get(directory) ?? { usage: undefined, scan: undefined };
    this.#cache.set(directory, cached);
    if (cached.usage !== undefined && age(cached.usage) < freshFor) return cached.usage;
    cached.scan ??= this.#start(directory, cached);
    if (cached.usage !== undefined) return cached.usage;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patience);
    });
    return await Promise.race([cached.scan, timeout]).finally(() => clearTimeout(timer));
  }

  /** Drops whatever is not in the set. */
  keepOnly(directories: ReadonlySet<string>): void {
    for (const directory of this.#cache.keys())
      if (!directories.has(directory)) this.#cache.delete(directory);
  }

  #start(directory: string, cached: Cached): Promise<DirectoryUsage> {
    const scan = this.#queue.then(() => scanDirectory(directory));
    this.#queue = scan.then(
      (usage) => Object.assign(cached, { usage, scan: undefined }),
      () => Object.assign(cached, { scan: undefined }),
    );
    return scan;
  }
}

/** Scans a tree once. What vanishes meanwhile is not counted; an absent directory is empty. */
export async function scanDirectory(directory: string): Promise<DirectoryUsage> {
  const { bytes, inodes } = await hostTreeUsage(directory);
  return { timestamp: nowNanoseconds(), usedBytes: bytes, inodesUsed: inodes };
}

function age(usage: DirectoryUsage): number {
  return Number((nowNanoseconds() - usage.timestamp) / 1_000_000n);
}

import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Container, sh } from './pods.ts';

const mountPath = '/ledger';

/** A directory of the host into which containers write what they do: it knows what no status tells any more. */
export class Ledger {
  readonly #directory: string;
  /** For a pod's `volumes`. */
  readonly volume: object;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.volume = { name: 'ledger', hostPath: { path: directory, type: 'Directory' } };
  }

  /** A container that first writes `start` under `key`, then runs the rest of the script, which can write more by `note WORD`. */
  container(key: string, script: string, more: Container = {}): Container {
    const note = `note() { echo $1 >>${mountPath}/${key}; }; note start`;
    return { ...sh(`${note}; ${script}`), volumeMounts: [{ name: 'ledger', mountPath }], ...more };
  }

  /** What was written under the key, in order. */
  read(key: string): string[] {
    const file = join(this.#directory, key);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }

  starts(key: string): number {
    return this.read(key).filter((line) => line === 'start').length;
  }

  /** All keys that something was written under, and how often each was started. */
  allStarts(): Record<string, number> {
    const keys = readdirSync(this.#directory).sort();
    return Object.fromEntries(keys.map((key) => [key, this.starts(key)]));
  }
}

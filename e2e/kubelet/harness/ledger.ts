import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../harness/index.ts';
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
    return this.#container(key, `note start; ${script}`, more);
  }

  /** One that runs until it is told to end, and then does that script; `note term` if nothing is said. From its `start` on. */
  service(key: string, more: Container = {}, atTerm = 'note term'): Container {
    return this.#container(
      key,
      `trap "${atTerm}; exit 0" TERM; note start; while :; do sleep 3600 & wait $!; done`,
      more,
    );
  }

  #container(key: string, script: string, more: Container): Container {
    const note = `note() { echo $1 >>${mountPath}/${key}; }`;
    return { ...sh(`${note}; ${script}`), volumeMounts: [{ name: 'ledger', mountPath }], ...more };
  }

  /** Waits until all of them have written the word: a container may run, and be ready, a moment before it does anything. */
  async wrote(word: string, ...keys: readonly string[]): Promise<void> {
    await eventually(
      () => keys.filter((key) => !this.read(key).includes(word)),
      (missing) => missing.length === 0,
    );
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

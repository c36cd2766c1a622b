import { vi } from 'vitest';

/** Pods spend their time waiting: more of a file's concurrent tests at once than vitest's five. Called at its top. */
export function manyAtOnce(): void {
  vi.setConfig({ maxConcurrency: 16 });
}

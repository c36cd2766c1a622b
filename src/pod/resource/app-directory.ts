import { mkdirSync } from 'node:fs';
import { deadlines } from '../../base/index.ts';
import { removeTree } from '../store/directory.ts';
import type { AppResource } from './types.ts';

/** The container's directory with its record, and its writable layer's place. */
export const appDirectory: AppResource = {
  releaseDeadline: deadlines.removeTree + deadlines.undo,
  make(_host, { entry }) {
    mkdirSync(entry.path, { mode: 0o700 });
    entry.save({});
    // The root directory of the container is its mode.
    mkdirSync(entry.record.writablePath, { mode: 0o755 });
  },
  async release(_host, container) {
    await removeTree(container.path);
  },
};

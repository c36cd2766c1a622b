import { version } from '../base/index.ts';
import type { Verb } from './index.ts';

export const verb: Verb = {
  summary: 'print the version',
  async run() {
    process.stdout.write(`gantry ${version}\n`);
    return 0;
  },
};

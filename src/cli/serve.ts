import type { Verb } from './index.ts';
export const verb: Verb = {
  summary: 'serve CRI',
  async run() {
    return 1;
  },
};

import { expect, it } from 'vitest';
import { Warnings } from './warnings.ts';

it('what the host does not allow is warned of once, what befalls a pod each time', () => {
  const warnings = new Warnings();
  const score = 'oom_score_adj stays 0 in place of -997: lowering it needs CAP_SYS_RESOURCE';
  const other = score.replace('-997', '-998');
  const pod = "the PID 1 of the pod's pid namespace has died, and with it every app in there";
  expect([score, score, other, score].map((message) => warnings.level(message))).toEqual([
    'warn',
    'debug',
    'warn',
    'debug',
  ]);
  expect([pod, pod].map((message) => warnings.level(message))).toEqual(['warn', 'warn']);
});

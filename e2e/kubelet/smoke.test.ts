import { afterAll, beforeAll, expect, test } from 'vitest';
import { forever, KubeletNode, pod, runStatic, runToEnd, sh, statusOf } from './harness/index.ts';

let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 160 });
});
afterAll(async () => await node?.dispose());

test('static', async () => {
  const done = await runToEnd(node, pod('hello', { containers: [sh('echo hello; exit 3')] }));
  expect(statusOf(done).state.terminated?.exitCode).toBe(3);
  const p = await runStatic(node, pod('run', { containers: [forever] }));
  console.log(JSON.stringify(p, null, 1));
  expect(await node.leftovers()).toEqual([]);
});

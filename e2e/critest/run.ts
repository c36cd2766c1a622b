/**
 * critest against a server of its own, on the test images:
 *   node_modules/node/bin/node e2e/critest/run.ts [--server gantry|containerd] [--network builtin|cni]
 *     [--transport spdy|websocket] [--nri] [--report FILE] [GROUP …]
 * Without groups the whole suite. Exit code 1 when a spec failed, skipped without a
 * line in expected-skips, or when something is left on the host after all pods and images were removed. `--report`
 * writes the specs as JSON. GANTRY_E2E_KEEP=1 leaves logs and state for a look.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { World } from '../harness/index.ts';
import type { Spec } from './results.ts';
import { runSuite, type SuiteResult } from './suite.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string', default: 'gantry' },
    network: { type: 'string', default: 'builtin' },
    transport: { type: 'string', default: 'spdy' },
    nri: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});

function print(spec: Spec): void {
  process.stdout.write(`${spec.outcome.padEnd(8)}${spec.seconds.toFixed(1).padStart(6)} s  ${spec.name}\n`);
  if (spec.outcome !== 'passed')
    process.stdout.write(`${spec.message.slice(0, 2000).replace(/^/gm, '    ')}\n`);
}

/** Nothing may be left of all the pods of the suite: a spec of its own. */
async function cleanliness(world: World): Promise<Spec> {
  await world.removeEverything();
  const left = await world.leftovers();
  const outcome = left.length === 0 ? 'passed' : 'failed';
  return {
    name: `nothing is left behind (${values.network}, ${values.transport})`,
    outcome,
    message: left.join('\n'),
    seconds: 0,
  };
}

/** What critest calls a WebSocket, a flag each. */
const flags =
  values.transport === 'websocket'
    ? ['exec', 'attach', 'portforward'].map((what) => `--websocket-${what}`)
    : [];

async function run(world: World): Promise<SuiteResult> {
  const { socket } = world.gantry;
  const result = await runSuite({ socket, groups: positionals, directory: world.directory, flags });
  const clean = await cleanliness(world);
  const failed = clean.outcome === 'failed' ? [clean] : [];
  return { ...result, specs: [...result.specs, clean], unexpected: [...result.unexpected, ...failed] };
}

const world = await World.create({
  subnet: 97,
  network: values.network === 'cni' ? 'cni' : 'builtin',
  reference: values.server === 'containerd',
  ...(values.nri ? { server: { flags: ['--nri-socket', '/run/gantry-critest-nri.sock'] } } : {}),
});
try {
  const result = await run(world);
  result.specs.forEach(print);
  const count = (outcome: string): number => result.specs.filter((spec) => spec.outcome === outcome).length;
  const counts = `passed ${count('passed')}, failed ${count('failed')}, skipped ${count('skipped')}`;
  process.stdout.write(`critest: ${counts}\n`);
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(result));
  if (result.unexpected.length > 0) process.exitCode = 1;
} finally {
  await world.dispose();
}

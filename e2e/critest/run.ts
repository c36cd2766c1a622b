/**
 * critest against a server of its own, on the test images:
 *   node_modules/node/bin/node e2e/critest/run.ts [--server gantry|containerd] [--network builtin|cni]
 *     [--transport spdy|websocket|alternate] [--nri] [--parallel N] [--repeat N] [--report FILE] [GROUP …]
 * Without groups the whole suite. `--parallel` runs N specs at once; `--repeat` the whole N times on one server, `alternate`
 * with SPDY first and then in turns. Exit code 1 when a spec failed, skipped without a line in expected-skips, or when
 * something is left on the host after all pods and images were removed. `--report` writes the specs as JSON.
 * GANTRY_E2E_KEEP=1 leaves logs and state for a look.
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
    parallel: { type: 'string' },
    repeat: { type: 'string', default: '1' },
    report: { type: 'string' },
  },
});

function print(spec: Spec): void {
  process.stdout.write(`${spec.outcome.padEnd(8)}${spec.seconds.toFixed(1).padStart(6)} s  ${spec.name}\n`);
  if (spec.outcome !== 'passed')
    process.stdout.write(`${spec.message.slice(0, 2000).replace(/^/gm, '    ')}\n`);
}

/** Where `--nri` has the server and the suite's own plug-ins meet. */
const nriSocket = '/run/gantry-critest-nri.sock';

/** What critest calls a WebSocket, a flag each. */
function flagsOf(transport: string): string[] {
  return transport === 'websocket'
    ? ['exec', 'attach', 'portforward'].map((what) => `--websocket-${what}`)
    : [];
}

/** Nothing may be left of all the pods of the suite: a spec of its own. */
async function cleanliness(world: World, description: string): Promise<Spec> {
  await world.removeEverything();
  const left = await world.leftovers();
  const outcome = left.length === 0 ? 'passed' : 'failed';
  const name = `nothing is left behind (${description})`;
  return { name, outcome, message: left.join('\n'), seconds: 0 };
}

async function run(world: World, transport: string): Promise<SuiteResult> {
  const { parallel } = values;
  const result = await runSuite({
    socket: world.gantry.socket,
    groups: positionals,
    directory: world.directory,
    // Its specs bring plug-ins of their own.
    leaveOut: values.nri ? [] : ['\\[k8s\\.io\\] NRI '],
    flags: [...flagsOf(transport), ...(values.nri ? ['--nri-socket', nriSocket] : [])],
    ...(parallel === undefined ? {} : { parallel: Number(parallel) }),
  });
  const description = [values.network, transport, ...(parallel === undefined ? [] : [`${parallel} at once`])];
  const clean = await cleanliness(world, description.join(', '));
  const failed = clean.outcome === 'failed' ? [clean] : [];
  return { ...result, specs: [...result.specs, clean], unexpected: [...result.unexpected, ...failed] };
}

function conclude({ specs, unexpected }: SuiteResult, description: string): void {
  specs.forEach(print);
  const count = (outcome: string): number => specs.filter((spec) => spec.outcome === outcome).length;
  const counts = `passed ${count('passed')}, failed ${count('failed')}, skipped ${count('skipped')}`;
  process.stdout.write(`critest, ${description}: ${counts}\n`);
  if (unexpected.length > 0) process.exitCode = 1;
}

const repeat = Number(values.repeat);
const world = await World.create({
  subnet: 97,
  network: values.network === 'cni' ? 'cni' : 'builtin',
  reference: values.server === 'containerd',
  ...(values.nri ? { server: { flags: ['--nri-socket', nriSocket] } } : {}),
});
try {
  const all: { specs: Spec[]; unexpected: Spec[] } = { specs: [], unexpected: [] };
  for (let round = 0; round < repeat; round += 1) {
    const inTurn = round % 2 === 0 ? 'spdy' : 'websocket';
    const transport = values.transport === 'alternate' ? inTurn : values.transport;
    const result = await run(world, transport);
    conclude(result, repeat === 1 ? transport : `run ${round + 1} of ${repeat}, ${transport}`);
    all.specs.push(...result.specs);
    all.unexpected.push(...result.unexpected);
  }
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(all));
} finally {
  await world.dispose();
}

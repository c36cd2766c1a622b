/**
 * critest's own benchmark on Gantry beside containerd with runc, in turns, on the same images; prints the median of every
 * operation as a Markdown table. `hack/bench critest` builds what it needs; by hand:
 *   e2e/isolated node_modules/node/bin/node e2e/critest/benchmark.ts [--rounds N] [--samples N] [--parallel N]
 * Rounds alternate who begins; each takes so many samples of every operation, `--parallel` of them at once. containerd's pods,
 * and those of the second column, are in a CNI network (bridge, portmap); those of the third in Gantry's built-in one.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../../hack/bench.d/table.ts';
import { eventually, programs, World } from '../harness/index.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    samples: { type: 'string', default: '10' },
    parallel: { type: 'string', default: '1' },
  },
});

/** One of critest's files of results: a cycle of operations, sampled. */
interface Cycles {
  readonly operationsNames: readonly string[];
  readonly datapoints: readonly { readonly operationsDurationsNs: readonly number[] }[];
}

/** Milliseconds by operation. */
type Samples = Map<string, number[]>;

const images = ['1', '2', '3'].map((n) => `gcr.io/k8s-staging-cri-tools/test-image-${n}`);

/** critest's parameters. Its limits of time are for judging, and this is for measuring. */
function parameters(): string {
  const [number, parallel] = [Number(values.samples), Number(values.parallel)];
  const kinds = ['containers', 'pods', 'images'].map(
    (kind) => `${kind}Number: ${number}\n${kind}NumberParallel: ${parallel}\n`,
  );
  const limits = ['container', 'pod', 'image', 'podContainerStart'].map(
    (kind) => `${kind}BenchmarkTimeoutSeconds: 120\n`,
  );
  const pulled = 'imagePullingBenchmarkImage: registry.k8s.io/e2e-test-images/httpd:2.4.39-4\n';
  const listed = `imageListingBenchmarkImages: [${images.join(', ')}]\n`;
  return [...kinds, ...limits, pulled, listed].join('');
}

async function sample(world: World, into: Samples): Promise<void> {
  // containerd listens before its CRI plug-in does.
  await eventually(() => world.cri.call('Version', {}).then(Boolean, () => false), Boolean);
  const output = mkdtempSync(join(world.directory, 'benchmark-'));
  const file = join(output, 'parameters.yaml');
  writeFileSync(file, parameters());
  const results = join(output, 'results');
  mkdirSync(results);
  // So that a list has something to list.
  for (const image of images) await world.cri.call('PullImage', { image: { image } }, 60_000);
  const log = openSync(join(output, 'log'), 'w');
  const endpoints = ['runtime', 'image'].map((kind) => `--${kind}-endpoint=unix://${world.gantry.socket}`);
  const flags = ['--benchmark', `--benchmarking-params-file=${file}`, `--benchmarking-output-dir=${results}`];
  const child = spawn(programs.critest, [...endpoints, ...flags], { stdio: ['ignore', log, log], cwd: '/' });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 255));
  });
  closeSync(log);
  if (code !== 0)
    throw new Error(`critest --benchmark ended with ${code}:\n${readFileSync(join(output, 'log'), 'utf8')}`);
  for (const name of readdirSync(results).sort()) {
    collect(JSON.parse(readFileSync(join(results, name), 'utf8')) as Cycles, into);
  }
}

function collect({ operationsNames, datapoints }: Cycles, into: Samples): void {
  for (const [i, operation] of operationsNames.entries()) {
    const durations = datapoints.map(({ operationsDurationsNs }) => (operationsDurationsNs[i] ?? 0) / 1e6);
    into.set(operation, [...(into.get(operation) ?? []), ...durations]);
  }
}

const number = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

function row(operation: string, [peer, ...ours]: readonly Samples[]): string {
  const theirs = median(peer?.get(operation) ?? []);
  const cells = ours.map((samples) => {
    const value = median(samples.get(operation) ?? []);
    return `${number(value)} (${(value / theirs).toFixed(3)}×)`;
  });
  return `| ${operation} | ${number(theirs)} | ${cells.join(' | ')} |`;
}

const worlds: World[] = [];
try {
  worlds.push(await World.create({ subnet: 133, reference: true }));
  worlds.push(await World.create({ subnet: 134, network: 'cni' }));
  worlds.push(await World.create({ subnet: 135 }));
  const samples = worlds.map((): Samples => new Map());
  const order = worlds.map((_, i) => i);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const i of round % 2 === 0 ? order : [...order].reverse()) {
      const world = worlds[i];
      const into = samples[i];
      if (world !== undefined && into !== undefined) await sample(world, into);
    }
    process.stderr.write(`round ${round + 1} of ${values.rounds}\n`);
  }
  const count = Number(values.rounds) * Number(values.samples);
  process.stdout.write(`Medians of ${count} samples each, ${values.parallel} at a time.\n\n`);
  process.stdout.write('| operation | containerd + runc, CNI | Gantry, CNI | Gantry, built-in network |\n');
  process.stdout.write('| --- | --- | --- | --- |\n');
  for (const operation of samples[0]?.keys() ?? []) process.stdout.write(`${row(operation, samples)}\n`);
} finally {
  for (const world of worlds) await world.dispose();
}

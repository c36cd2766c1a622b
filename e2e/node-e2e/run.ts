/**
 * Kubernetes' node e2e suite (k8s.io/kubernetes/test/e2e_node) against a server of its own, on images of our own. To be run by
 * `run`, which builds and isolates. Without `--focus`: all of [NodeConformance] that is neither [Serial], [Slow], [Flaky] nor of
 * a feature. With `--all` those of expected-skips, too. Exit code 1 when a spec failed, or skipped without a line in expected-skips. `--report` writes the specs as JSON.
 * GANTRY_E2E_KEEP=1 leaves logs and state for a look.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expectedSkips, readReport, type Spec } from '../critest/results.ts';
import { programs, World } from '../harness/index.ts';
import { nodeIp, prepareHost } from '../kubelet/harness/host.ts';
import { startNodeRegistry } from './images.ts';

const { values } = parseArgs({
  options: {
    server: { type: 'string', default: 'gantry' },
    focus: { type: 'string', multiple: true, default: ['\\[NodeConformance\\]'] },
    skip: { type: 'string', multiple: true, default: ['\\[(Serial|Slow|Flaky|Feature:.+)\\]'] },
    all: { type: 'boolean', default: false },
    parallel: { type: 'string', default: '16' },
    timeout: { type: 'string', default: '2h' },
    report: { type: 'string' },
  },
});

/** The kubelet of the suite has paths of its own, and takes systemd for the init where its programs are. */
function furnish(): void {
  prepareHost();
  mkdirSync('/var/log/pods', { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'ge-kubelet', '/var/log/pods']);
  for (const name of ['systemd-run', 'journalctl', 'systemctl']) {
    const [path] = which(name);
    if (path !== undefined) execFileSync('mount', ['--bind', '/dev/null', path]);
  }
}

function which(name: string): string[] {
  try {
    return [execFileSync('which', [name], { encoding: 'utf8' }).trim()];
  } catch {
    return [];
  }
}

/** Upstream's default-kubelet-config.yaml, and what this machine needs: cgroup v1, no CAP_SYS_RESOURCE. */
function kubeletConfig(directory: string): string {
  const resolvConf = join(directory, 'resolv.conf');
  writeFileSync(resolvConf, 'nameserver 10.231.0.53\n');
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupRoot: '/',
    podCIDR: '10.100.0.0/24',
    volumeStatsAggPeriod: '10s',
    fileCheckFrequency: '10s',
    evictionPressureTransitionPeriod: '30s',
    evictionHard: { 'memory.available': '250Mi' },
    serializeImagePulls: false,
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    maxOpenFiles: 4096,
    makeIPTablesUtilChains: false,
    // As docs/kubelet.md has a node of Gantry's; cAdvisor knows containerd by itself.
    featureGates: { PodAndContainerStatsFromCRI: values.server === 'gantry' },
    resolvConf,
  };
  const file = join(directory, 'kubelet.json');
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** What the suite itself checks of the machine before all specs is not what is tried here. */
function systemSpec(directory: string): string {
  const file = join(directory, 'system.json');
  writeFileSync(file, JSON.stringify({ os: 'Linux', kernelSpec: { versions: ['.*'] } }));
  return file;
}

async function runSuite(world: World, directory: string, skip: readonly string[]): Promise<number> {
  // The suite looks for the kubelet beside itself; ginkgo names reports after a suite's path.
  for (const name of ['e2e_node.test', 'kubelet'])
    symlinkSync(join(programs.tools, name), join(directory, name));
  const own = [
    `--container-runtime-endpoint=unix://${world.gantry.socket}`,
    `--kubelet-config-file=${kubeletConfig(directory)}`,
    // The suite would have all processes of the machine in cgroups of their own.
    `--kubelet-flags=--system-cgroups= --kubelet-cgroups= --runtime-cgroups= --node-ip=${nodeIp}`,
    `--system-spec-file=${systemSpec(directory)}`,
    '--node-name=e2e-node',
    '--prepull-images=false',
    `--report-dir=${directory}`,
  ];
  const args = [
    `--procs=${values.parallel}`,
    '--no-color',
    `--timeout=${values.timeout}`,
    ...values.focus.map((pattern) => `--focus=${pattern}`),
    ...skip.map((pattern) => `--skip=${pattern}`),
    '--json-report=specs.json',
    `--output-dir=${directory}`,
    join(directory, 'e2e_node.test'),
    '--',
    ...own,
  ];
  const log = openSync(join(directory, 'log'), 'w');
  const child = spawn(programs.ginkgo, args, { stdio: ['ignore', log, log], cwd: directory });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 255));
  });
  closeSync(log);
  return code;
}

/** What the kubelet made in each hierarchy, and leaves. */
function removeCgroups(): void {
  const root = '/sys/fs/cgroup';
  const all = [root, ...readdirSync(root).map((name) => join(root, name))].map((at) => join(at, 'kubepods'));
  const found = all.filter((path) => existsSync(path));
  if (found.length > 0) spawnSync('find', [...found, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
}

function print(spec: Spec): void {
  process.stdout.write(`${spec.outcome.padEnd(8)}${spec.seconds.toFixed(1).padStart(6)} s  ${spec.name}\n`);
  if (spec.outcome !== 'passed')
    process.stdout.write(`${spec.message.slice(0, 2000).replace(/^/gm, '    ')}\n`);
}

furnish();
const world = await World.create({ subnet: 96, reference: values.server === 'containerd' });
const registry = await startNodeRegistry(join(world.directory, 'images'), join(world.directory, 'hosts'));
try {
  const directory = join(world.directory, 'suite');
  mkdirSync(directory);
  process.stdout.write(`the suite's log is ${directory}/log\n`);
  const expected = expectedSkips(new URL('expected-skips', import.meta.url));
  const escaped = [...expected.keys()].map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const code = await runSuite(world, directory, [...values.skip, ...(values.all ? [] : escaped)]);
  const matches = (patterns: readonly string[], name: string): boolean =>
    patterns.some((pattern) => new RegExp(pattern).test(name));
  // What is no spec ([SynchronizedBeforeSuite] and its kin) counts always.
  const isChosen = (name: string): boolean =>
    /^\[\w+\]$/.test(name) || (matches(values.focus, name) && !matches(values.skip, name));
  const specs = readReport(join(directory, 'specs.json'), isChosen);
  specs.forEach(print);
  const count = (outcome: string): number => specs.filter((spec) => spec.outcome === outcome).length;
  process.stdout.write(
    `node e2e, ${values.server}: passed ${count('passed')}, failed ${count('failed')}, skipped ${count('skipped')} (ginkgo: ${code})\n`,
  );
  if (specs.some((s) => s.outcome === 'failed' || (s.outcome === 'skipped' && !expected.has(s.name))))
    process.exitCode = 1;
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(specs));
} finally {
  await registry.stop();
  await world.dispose();
  removeCgroups();
  rmSync(join(world.directory, 'images'), { recursive: true, force: true });
}

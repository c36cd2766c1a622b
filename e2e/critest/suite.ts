import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../harness/index.ts';
import { groups } from './groups.ts';
import { expectedSkips, readReport, type Spec } from './results.ts';

export interface SuiteOptions {
  readonly socket: string;
  /** Keys of `groups`; none means the whole suite. */
  readonly groups: readonly string[];
  /** For the report and the log of the run. */
  readonly directory: string;
  /** More flags of critest, such as `--websocket-exec`. */
  readonly flags?: readonly string[];
  /** Patterns of what is no part of this run, as the benchmarks never are. */
  readonly leaveOut?: readonly string[];
  /** So many specs at once, each in a process of its own (ginkgo's `--procs`); absent: one after the other. */
  readonly parallel?: number;
}

export interface SuiteResult {
  readonly specs: readonly Spec[];
  /** Skips without a line in expected-skips, and the failures. */
  readonly unexpected: readonly Spec[];
  readonly logFile: string;
}

const reportName = 'critest.json';

/** A reason of the host's: such a spec is run, so that it counts where the host has what it wants, and skips itself here. */
const skipsItself = /^the host has no /;

/** Runs critest against a CRI server; the other specs of expected-skips are not run and count as skipped. */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const focus = options.groups.map(patternOf);
  const expected = expectedSkips();
  const report = join(options.directory, reportName);
  const logFile = join(options.directory, 'critest.log');
  rmSync(report, { force: true });
  const { leaveOut = [] } = options;
  const notRun = [...expected].flatMap(([name, reason]) =>
    skipsItself.test(reason) ? [] : [escapeRegExp(name)],
  );
  const skip = [...notRun, ...leaveOut];
  const code = await run(logFile, commandLine(options, { focus, skip }));
  const isChosen = (name: string): boolean =>
    !name.includes('benchmark') &&
    !leaveOut.some((pattern) => new RegExp(pattern).test(name)) &&
    (focus.length === 0 || focus.some((pattern) => new RegExp(pattern).test(name)));
  const specs = readReport(report, isChosen);
  const unexpected = specs.filter(
    (spec) => spec.outcome === 'failed' || (spec.outcome === 'skipped' && !expected.has(spec.name)),
  );
  if (code !== 0 && unexpected.length === 0) throw new Error(`critest ended with ${code}; see ${logFile}`);
  return { specs: specs.map((spec) => withReason(spec, expected)), unexpected, logFile };
}

/** critest itself, or ginkgo with critest in several processes, as `critest -parallel` would start it. */
function commandLine(
  { socket, directory, flags = [], parallel }: SuiteOptions,
  { focus, skip }: { focus: readonly string[]; skip: readonly string[] },
): [string, ...string[]] {
  const own = [`--runtime-endpoint=unix://${socket}`, `--image-endpoint=unix://${socket}`, ...flags];
  const ginkgos = (prefix: string): string[] => [
    ...focus.map((pattern) => `${prefix}focus=${pattern}`),
    ...skip.map((pattern) => `${prefix}skip=${pattern}`),
    `${prefix}no-color`,
  ];
  if (parallel === undefined) {
    return [
      programs.critest,
      ...own,
      ...ginkgos('--ginkgo.'),
      `--ginkgo.json-report=${join(directory, reportName)}`,
    ];
  }
  // ginkgo takes what ends in .test for a suite that is built already.
  const suite = join(directory, 'critest.test');
  rmSync(suite, { force: true });
  symlinkSync(programs.critest, suite);
  const report = [`--json-report=${reportName}`, `--output-dir=${directory}`];
  return [programs.ginkgo, `--procs=${parallel}`, ...ginkgos('--'), ...report, suite, '--', ...own];
}

function withReason(spec: Spec, expected: ReadonlyMap<string, string>): Spec {
  const reason = spec.outcome === 'skipped' ? expected.get(spec.name) : undefined;
  return reason === undefined ? spec : { ...spec, message: reason };
}

function patternOf(group: string): string {
  const pattern = groups[group];
  if (pattern === undefined)
    throw new Error(`no group '${group}'; there are ${Object.keys(groups).join(', ')}`);
  return pattern;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

async function run(logFile: string, [program, ...args]: [string, ...string[]]): Promise<number> {
  const log = openSync(logFile, 'w');
  // Its own configuration file is read from the working directory, if there is one.
  const child = spawn(program, args, { stdio: ['ignore', log, log], cwd: '/' });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 255));
  });
  closeSync(log);
  return code;
}

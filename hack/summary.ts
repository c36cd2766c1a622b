/**
 * Adds up the reports of a test run and prints each failure and each skip with its reason; the last line is
 * `N passed, N failed, N skipped`. Exit code 1 when something failed, or skipped without a reason that was foreseen.
 *   node hack/summary.ts REPORT_DIRECTORY NUMBER_OF_SECTIONS_THAT_FAILED
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Result {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly reason: string;
  /** A skip that nobody foresaw fails the run. */
  readonly isExpected: boolean;
}

/** vitest's JSON reporter, what is read of it. */
interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** e2e/critest/run.ts --report. */
interface CritestReport {
  readonly specs: readonly {
    readonly name: string;
    readonly outcome: Result['outcome'];
    readonly message: string;
  }[];
  readonly unexpected: readonly { readonly name: string }[];
}

function ofVitest(report: VitestReport): Result[] {
  const results = report.testResults.flatMap((file): Result[] => {
    if (file.assertionResults.length === 0 && file.status === 'failed') {
      return [{ name: file.name, outcome: 'failed', reason: file.message, isExpected: false }];
    }
    return file.assertionResults.map((test) => ({
      name: test.fullName,
      outcome: test.status === 'passed' ? 'passed' : test.status === 'failed' ? 'failed' : 'skipped',
      reason: test.failureMessages?.join('\n') ?? 'skipped by the test itself',
      isExpected: false,
    }));
  });
  const failed = results.some(({ outcome }) => outcome === 'failed');
  if (!report.success && !failed) {
    results.push({
      name: 'vitest',
      outcome: 'failed',
      reason: 'an error outside of any test',
      isExpected: false,
    });
  }
  return results;
}

function ofCritest(report: CritestReport): Result[] {
  const unexpected = new Set(report.unexpected.map(({ name }) => name));
  return report.specs.map(({ name, outcome, message }) => ({
    name: `critest: ${name}`,
    outcome,
    reason: message,
    isExpected: !unexpected.has(name),
  }));
}

/** Lines of `outcome TAB name TAB reason`. */
function ofChecks(text: string): Result[] {
  const lines = text.split('\n').filter(Boolean);
  return lines.map((line) => {
    const [outcome = 'failed', name = '', reason = ''] = line.split('\t');
    return { name, outcome: outcome as Result['outcome'], reason, isExpected: reason !== '' };
  });
}

function read(file: string): Result[] {
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.tsv')) return ofChecks(text);
  const report = JSON.parse(text) as VitestReport | CritestReport;
  return 'specs' in report ? ofCritest(report) : ofVitest(report);
}

const [directory = '', failedSections = '0'] = process.argv.slice(2);
const files = readdirSync(directory).filter((name) => /\.(json|tsv)$/.test(name));
const results = files.flatMap((name) => read(join(directory, name)));
const of = (outcome: Result['outcome']): Result[] => results.filter((result) => result.outcome === outcome);

for (const { name, reason } of of('failed'))
  process.stdout.write(`FAILED  ${name}\n${reason.replace(/^/gm, '    ')}\n`);
for (const { name, reason, isExpected } of of('skipped')) {
  process.stdout.write(
    `SKIPPED ${name}: ${reason}${isExpected ? '' : ' (not foreseen: this fails the run)'}\n`,
  );
}
const unforeseen = of('skipped').filter(({ isExpected }) => !isExpected);
// A section that died without a word in its report is a failure like any other.
const silent = Number(failedSections) > 0 && of('failed').length === 0 && unforeseen.length === 0 ? 1 : 0;
const failed = of('failed').length + silent;
process.stdout.write(`${of('passed').length} passed, ${failed} failed, ${of('skipped').length} skipped\n`);
process.exitCode = failed > 0 || unforeseen.length > 0 || of('passed').length === 0 ? 1 : 0;

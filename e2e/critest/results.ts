import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface Spec {
  readonly name: string;
  readonly outcome: Outcome;
  /** What failed and where, or why it skipped itself. */
  readonly message: string;
  readonly seconds: number;
}

/** The part of ginkgo's JSON report (types.Report) that is read here. */
interface GinkgoSpec {
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly State: string;
  readonly RunTime: number;
  readonly Failure?: {
    readonly Message?: string;
    readonly Location?: { FileName?: string; LineNumber?: number };
  };
}

/** The specs that were chosen, and those that a skip pattern left out although their group was chosen. */
export function readReport(file: string, isChosen: (name: string) => boolean): Spec[] {
  const [report] = JSON.parse(readFileSync(file, 'utf8')) as [{ SpecReports: GinkgoSpec[] | null }];
  return (report.SpecReports ?? [])
    .filter((spec) => spec.LeafNodeType === 'It' || !['passed', 'skipped'].includes(spec.State))
    .map((spec) => ({
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText || `[${spec.LeafNodeType}]`].join(
        ' ',
      ),
      outcome: outcomeOf(spec.State),
      message: messageOf(spec),
      seconds: spec.RunTime / 1e9,
    }))
    .filter((spec) => isChosen(spec.name));
}

/** ginkgo knows more ways to fail than one: failed, panicked, interrupted, aborted, timedout. */
function outcomeOf(state: string): Outcome {
  if (state === 'passed') return 'passed';
  return state === 'skipped' || state === 'pending' ? 'skipped' : 'failed';
}

function messageOf({ Failure: failure }: GinkgoSpec): string {
  if (failure?.Message === undefined) return '';
  const { FileName = '', LineNumber = 0 } = failure.Location ?? {};
  return `${failure.Message.trim()} (${FileName.replace(/^.*cri-tools[^/]*\//, '')}:${LineNumber})`;
}

/** Spec name → reason, out of the file beside this one, or another. */
export function expectedSkips(url = new URL('expected-skips', import.meta.url)): Map<string, string> {
  const file = fileURLToPath(url);
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' | ');
      if (at < 0) throw new Error(`${file}: no ' | ' and reason in: ${line}`);
      return [line.slice(0, at).trim(), line.slice(at + 3).trim()];
    }),
  );
}

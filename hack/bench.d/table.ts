export interface Measured {
  readonly work: string;
  readonly unit: 'ms' | 'KiB' | 'MiB' | 'MB/s';
  /** Samples by the subject's name. */
  readonly peer: readonly number[];
  readonly ours: readonly number[];
  /** Of the design: ours divided by the peer's, at most; or an absolute limit in the unit. */
  readonly budget:
    | { readonly ratio: number }
    | { readonly atLeast: number }
    | { readonly absolute: number }
    | undefined;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function verdict({ budget }: Measured, ours: number, ratio: number): { text: string; isMet: boolean } {
  if (budget === undefined) return { text: '', isMet: true };
  if ('ratio' in budget) return { text: `≤ ${budget.ratio}×`, isMet: ratio <= budget.ratio };
  if ('atLeast' in budget) return { text: `≥ ${budget.atLeast}×`, isMet: ratio >= budget.atLeast };
  return { text: `≤ ${budget.absolute}`, isMet: ours <= budget.absolute };
}

function budgetWord({ budget }: Measured, isMet: boolean): string {
  if (budget === undefined) return '';
  return isMet ? 'met' : '**missed**';
}

export function row(measured: Measured): string {
  const [peer, ours] = [median(measured.peer), median(measured.ours)];
  const ratio = ours / peer;
  const { text, isMet } = verdict(measured, ours, ratio);
  const number = (value: number): string =>
    Number.isNaN(value) ? '–' : `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${measured.unit}`;
  const times = Number.isNaN(ratio) ? '–' : `${ratio.toFixed(3)}×`;
  return `| ${measured.work} | ${number(peer)} | ${number(ours)} | ${times} | ${text} | ${budgetWord(measured, isMet)} |`;
}

export const heading = `| work | containerd + runc | Gantry | ratio | budget | |
| --- | --- | --- | --- | --- | --- |`;

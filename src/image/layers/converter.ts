/**
 * `gantry-layer convert`: untrusted bytes in, one EROFS file and its digests out (addon/layer/README.md). The process
 * has no privileges and no more descriptors than are given to it here.
 */
import { release } from 'node:os';
import { type ErrorCode, errnoCode, GantryError } from '../../base/index.ts';
import { type ConverterEnd, ConverterProcess } from './converter-process.ts';
import type { LayerFeed } from './types.ts';

export interface Conversion {
  readonly compressedDigest: string;
  readonly compressedSize: number;
  readonly diffId: string;
  readonly diffSize: number;
  readonly erofsDigest: string;
  readonly erofsSize: number;
  readonly entries: number;
  readonly whiteouts: number;
  readonly converter: string;
  readonly impliedDirectories: readonly string[];
  readonly rootOpaque: boolean;
}

/** Of the file that is made: beyond any real image, below what an honest disk survives. */
const MAX_BYTES = 256 * 1024 ** 3;
const MAX_ENTRIES = 16_000_000;

/** EROFS knows chunk-based files, which may have holes, since Linux 5.15. */
export function mountsSparseFiles(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number.parseFloat);
  return major > 5 || (major === 5 && minor >= 15);
}

/** Converts what `source` feeds into the file `output` (opened for reading and writing, empty). */
export async function convertLayer(
  output: number,
  source: LayerFeed,
  signal: AbortSignal,
): Promise<Conversion> {
  const limits = ['--max-bytes', `${MAX_BYTES}`, '--max-entries', `${MAX_ENTRIES}`];
  const holes = ['--holes', mountsSparseFiles(release()) ? 'keep' : 'expand'];
  const args = ['convert', '--input-fd', '0', '--output-fd', '3', ...limits, ...holes];
  const converter = new ConverterProcess(args, [output], signal);
  try {
    const end = await feed(converter, source, signal);
    if (end.code === 0) return parseConversion(end.out.toString());
    throw processError(end, 'convert layer');
  } finally {
    converter.close();
  }
}

/** Feeding and converting go on at once; the one that fails first is the cause. */
async function feed(
  converter: ConverterProcess,
  source: LayerFeed,
  signal: AbortSignal,
): Promise<ConverterEnd> {
  const stdin = converter.stdin;
  const fed = source(stdin, signal).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  const failure = await Promise.race([fed, converter.ended.then(() => undefined)]);
  // A feed that fails because the converter hung up is not the cause.
  if (failure !== undefined && stdin.errored === null) {
    converter.close();
    await converter.ended;
    throw failure;
  }
  const end = await converter.ended;
  if (end.code !== 0) stdin.destroy();
  const late = await fed;
  if (end.code === 0 && late !== undefined) throw late;
  return end;
}

function parseConversion(out: string): Conversion {
  const value: unknown = JSON.parse(out);
  const fields = value as Record<keyof Conversion, unknown>;
  const strings = [fields.compressedDigest, fields.diffId, fields.erofsDigest];
  if (!strings.every((s) => typeof s === 'string' && /^sha256:[0-9a-f]{64}$/.test(s))) {
    throw new GantryError({
      code: 'internal',
      operation: 'convert layer',
      message: `gantry-layer said: ${out}`,
    });
  }
  const implied = Array.isArray(fields.impliedDirectories) ? (fields.impliedDirectories as string[]) : [];
  return {
    ...(value as Conversion),
    converter: String(fields.converter),
    impliedDirectories: implied,
    rootOpaque: fields.rootOpaque === true,
  };
}

const codes: Readonly<Record<string, ErrorCode>> = {
  malformed: 'data-loss',
  truncated: 'data-loss',
  limit: 'resource-exhausted',
  unsupported: 'invalid-argument',
};

/** What the process said of its failure, or how it ended. */
export function processError(
  { code: exitCode, signal, out, err }: ConverterEnd,
  operation: 'convert layer' | 'stack layers',
): GantryError {
  const how = exitCode === null ? `was killed by ${signal}` : `exited with ${exitCode}`;
  // By the kernel, for want of memory: it is among the first to go.
  let code: ErrorCode = signal === 'SIGKILL' ? 'resource-exhausted' : 'internal';
  let errnoName: string | undefined;
  let message = `gantry-layer ${how}: ${err.trim().slice(0, 500)}`;
  try {
    const { error } = JSON.parse(out.toString()) as {
      error: { kind: string; message: string; offset?: number; entry?: string };
    };
    // The converter has one descriptor to write to: its words are the C library's.
    if (/No space left/i.test(error.message)) errnoName = 'ENOSPC';
    if (/quota/i.test(error.message)) errnoName = 'EDQUOT';
    code = codes[error.kind] ?? errnoCode(errnoName ?? '') ?? 'internal';
    message = error.message;
    if (error.entry) message += ` (entry ${JSON.stringify(error.entry)})`;
    else if (error.offset) message += ` (at byte ${error.offset})`;
  } catch {
    // Not its JSON: it died before it could say anything, and `how` is all there is.
  }
  return new GantryError({
    code,
    operation,
    message: `cannot ${operation === 'convert layer' ? 'convert' : operation}: ${message}`,
    ...(errnoName === undefined ? {} : { errnoName }),
  });
}

/** Whether the bytes were wrong, rather than this machine unable. */
export function isBadContent(error: unknown): boolean {
  return error instanceof GantryError && error.code === 'data-loss' && error.errnoName === undefined;
}

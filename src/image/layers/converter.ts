/**
 * `gantry-layer convert`: untrusted bytes in, one EROFS file and its digests out (addon/layer/README.md). The process
 * has no privileges and no more descriptors than are given to it here.
 */
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

/** Converts what `source` feeds into the file `output` (opened for reading and writing, empty). */
export async function convertLayer(
  output: number,
  source: LayerFeed,
  signal: AbortSignal,
): Promise<Conversion> {
  const converter = new ConverterProcess(output, signal);
  try {
    const end = await feed(converter, source, signal);
    if (end.code === 0) return parseConversion(end.out);
    throw conversionError(end);
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

function conversionError({ code: exitCode, signal, out, err }: ConverterEnd): GantryError {
  const how = exitCode === null ? `was killed by ${signal}` : `exited with ${exitCode}`;
  // By the kernel, for want of memory: it is among the first to go.
  let code: ErrorCode = signal === 'SIGKILL' ? 'resource-exhausted' : 'internal';
  let errnoName: string | undefined;
  let message = `gantry-layer ${how}: ${err.trim().slice(0, 500)}`;
  try {
    const { error } = JSON.parse(out) as {
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
    operation: 'convert layer',
    message: `cannot convert: ${message}`,
    ...(errnoName === undefined ? {} : { errnoName }),
  });
}

/** Whether the bytes were wrong, rather than this machine unable. */
export function isBadContent(error: unknown): boolean {
  return error instanceof GantryError && error.code === 'data-loss' && error.errnoName === undefined;
}

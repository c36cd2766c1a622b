/**
 * `gantry-layer convert`: untrusted bytes in, one EROFS file and its digests out (addon/layer/README.md). The process
 * has no privileges and no more descriptors than are given to it here.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type ErrorCode, errorCode, GantryError, nativeExecutable } from '../../base/index.ts';
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
}

let version: string | undefined;

/** Part of a layer's key: another version makes another file of the same tar. Asked once. */
export function converterVersion(): string {
  if (version === undefined) {
    try {
      version =
        execFileSync(nativeExecutable('gantry-layer'), ['version'], { encoding: 'utf8' }).split(' ')[0] ?? '';
    } catch (cause) {
      throw notStarted(cause);
    }
  }
  return version;
}

/** Uncompressed bytes of one layer: beyond any real image, below what an honest disk survives. */
const MAX_BYTES = 256 * 1024 ** 3;
const MAX_ENTRIES = 16_000_000;
const OUTPUT_LIMIT = 64 << 10;

/** Converts what `feed` writes into the file `output` (opened for reading and writing, empty). */
export async function convertLayer(
  output: number,
  feed: LayerFeed,
  signal: AbortSignal,
): Promise<Conversion> {
  const child = spawn(
    nativeExecutable('gantry-layer'),
    [
      'convert',
      '--input-fd',
      '0',
      '--output-fd',
      '3',
      '--max-bytes',
      `${MAX_BYTES}`,
      '--max-entries',
      `${MAX_ENTRIES}`,
    ],
    { stdio: ['pipe', 'pipe', 'pipe', output], env: {}, cwd: '/' },
  );
  const exited = exitOf(child);
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new TypeError('spawn was asked for pipes');
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  // A converter that gives up closes its end; what it says then counts, not our EPIPE.
  stdin.on('error', () => undefined);
  const said = Promise.all([text(stdout), text(stderr)]);
  try {
    const fed = feed(stdin, signal);
    const failure = await Promise.race([fed.then(() => undefined, asError), exited.then(() => undefined)]);
    // A feed that fails because the converter hung up is not the cause.
    if (failure !== undefined && stdin.errored === null) {
      kill();
      await exited;
      throw failure;
    }
    const status = await exited;
    const [out, err] = await said;
    if (status.code === 0) {
      await fed;
      return parseConversion(out);
    }
    stdin.destroy();
    await fed.catch(() => undefined);
    throw conversionError(status, out, err);
  } finally {
    signal.removeEventListener('abort', kill);
    if (child.exitCode === null && child.signalCode === null) kill();
    stdin.destroy();
  }
}

interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function exitOf(child: ChildProcess): Promise<ExitStatus> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  } catch (cause) {
    throw notStarted(cause);
  }
}

function notStarted(cause: unknown): GantryError {
  const message = `cannot start ${nativeExecutable('gantry-layer')}; was it built (npm run build)?`;
  return new GantryError({ code: 'internal', operation: 'convert layer', message, cause });
}

async function text(stream: Readable): Promise<string> {
  let out = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) if (out.length < OUTPUT_LIMIT) out += chunk;
  return out;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
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
  return { ...(value as Conversion), converter: String(fields.converter), impliedDirectories: implied };
}

const codes: Readonly<Record<string, ErrorCode>> = {
  malformed: 'data-loss',
  truncated: 'data-loss',
  limit: 'resource-exhausted',
  unsupported: 'invalid-argument',
};

function conversionError(status: ExitStatus, out: string, err: string): GantryError {
  const how = status.code === null ? `was killed by ${status.signal}` : `exited with ${status.code}`;
  let code: ErrorCode = 'internal';
  let message = `gantry-layer ${how}: ${err.trim().slice(0, 500)}`;
  try {
    const { error } = JSON.parse(out) as {
      error: { kind: string; message: string; offset?: number; entry?: string };
    };
    code =
      codes[error.kind] ?? (/No space left|quota/i.test(error.message) ? 'resource-exhausted' : 'internal');
    message = error.message;
    if (error.entry) message += ` (entry ${JSON.stringify(error.entry)})`;
    else if (error.offset) message += ` (at byte ${error.offset})`;
  } catch {
    // Not its JSON: it died before it could say anything, and `how` is all there is.
  }
  return new GantryError({ code, operation: 'convert layer', message: `cannot convert: ${message}` });
}

/** Whether the bytes were wrong, rather than this machine unable. */
export function isBadContent(error: unknown): boolean {
  return errorCode(error) === 'data-loss';
}

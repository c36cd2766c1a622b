import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { nativeExecutable } from '../../../src/base/index.ts';

/** What a successful conversion prints; README.md is the contract. */
export interface Converted {
  readonly compressedDigest: string;
  readonly compressedSize: number;
  readonly diffId: string;
  readonly diffSize: number;
  readonly erofsDigest: string;
  readonly erofsSize: number;
  readonly entries: number;
  readonly whiteouts: number;
  readonly converter: number;
  readonly minimumKernel: string;
  readonly droppedXattrs: number;
  readonly rootOpaque: boolean;
  readonly impliedDirectories: readonly string[];
}

export interface Refusal {
  readonly kind: string;
  readonly message: string;
  readonly offset: number;
  readonly stream: string;
  readonly entry: string;
}

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the converter once, the archive on its standard input, the image at `image`. */
export function run(
  input: Uint8Array | { path: string },
  image: string,
  options: readonly string[] = [],
): Outcome {
  const output = openSync(image, 'w+');
  const source = input instanceof Uint8Array ? undefined : openSync(input.path, 'r');
  try {
    const { status, signal, stdout, stderr } = spawnSync(
      nativeExecutable('gantry-layer'),
      ['convert', '--input-fd', '0', '--output-fd', '3', ...options],
      {
        ...(input instanceof Uint8Array ? { input } : {}),
        stdio: [source ?? 'pipe', 'pipe', 'pipe', output],
        maxBuffer: 64 << 20,
      },
    );
    return { status, signal, stdout: stdout.toString(), stderr: stderr.toString() };
  } finally {
    closeSync(output);
    if (source !== undefined) closeSync(source);
  }
}

/** A conversion that must succeed. */
export function convert(
  input: Uint8Array | { path: string },
  image: string,
  options: readonly string[] = [],
): Converted {
  const outcome = run(input, image, options);
  if (outcome.status !== 0 || !outcome.stdout.endsWith('}\n') || outcome.stderr !== '') {
    throw new Error(`the conversion failed: ${JSON.stringify(outcome)}`);
  }
  return JSON.parse(outcome.stdout) as Converted;
}

/** A conversion that must be refused, with its exit status. */
export function refuse(
  input: Uint8Array | { path: string },
  image: string,
  options: readonly string[] = [],
): Refusal & { status: number } {
  const outcome = run(input, image, options);
  if (outcome.status === null || outcome.status === 0 || !outcome.stdout.startsWith('{"error":')) {
    throw new Error(`the conversion was not refused: ${JSON.stringify(outcome)}`);
  }
  const { error } = JSON.parse(outcome.stdout) as { error: Refusal };
  return { ...error, status: outcome.status };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Whether the executable under test was built with sanitizers: it has no system call filter then, and takes more memory. */
export function isSanitized(): boolean {
  return readFileSync(nativeExecutable('gantry-layer')).includes('__asan_init');
}

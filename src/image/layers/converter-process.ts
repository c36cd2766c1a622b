/** The process `gantry-layer`: started with just the descriptors that it needs, and gone when it is closed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { release } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { GantryError, nativeExecutable } from '../../base/index.ts';

/** Of the file that is made: beyond any real image, below what an honest disk survives. */
const MAX_BYTES = 256 * 1024 ** 3;
const MAX_ENTRIES = 16_000_000;
/** Of its result, which may list very many directories. */
const OUTPUT_LIMIT = 64 << 20;

export interface ConverterEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export class ConverterProcess {
  /** Rejects only when the process could not be started. */
  readonly ended: Promise<ConverterEnd>;
  readonly #child: ChildProcess;
  readonly stdin: Writable;
  readonly #signal: AbortSignal;
  readonly #kill: () => void;

  /** @param output a file, open for reading and writing, empty */
  constructor(output: number, signal: AbortSignal) {
    const limits = ['--max-bytes', `${MAX_BYTES}`, '--max-entries', `${MAX_ENTRIES}`];
    const holes = ['--holes', mountsSparseFiles(release()) ? 'keep' : 'expand'];
    this.#child = spawn(
      nativeExecutable('gantry-layer'),
      ['convert', '--input-fd', '0', '--output-fd', '3', ...limits, ...holes],
      { stdio: ['pipe', 'pipe', 'pipe', output], env: {}, cwd: '/' },
    );
    const { stdin } = this.#child;
    if (stdin === null) throw new TypeError('started without a pipe');
    this.stdin = stdin;
    this.#signal = signal;
    this.#kill = () => void this.#child.kill('SIGKILL');
    signal.addEventListener('abort', this.#kill, { once: true });
    // A converter that gives up closes its end; what it says then counts, not our EPIPE.
    stdin.on('error', () => undefined);
    this.ended = this.#end();
    this.ended.catch(() => undefined);
  }

  /** Idempotent. */
  close(): void {
    this.#signal.removeEventListener('abort', this.#kill);
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#kill();
    this.stdin.destroy();
  }

  async #end(): Promise<ConverterEnd> {
    const { stdout, stderr } = this.#child;
    const texts = Promise.all([textOf(stdout), textOf(stderr)]);
    try {
      const [code, signal] = (await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null];
      const [out, err] = await texts;
      return { code, signal, out, err };
    } catch (cause) {
      await texts.catch(() => undefined);
      throw notStarted(cause);
    }
  }
}

/** EROFS knows chunk-based files, which may have holes, since Linux 5.15. */
export function mountsSparseFiles(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number.parseFloat);
  return major > 5 || (major === 5 && minor >= 15);
}

let version: string | undefined;

/** Part of a layer's key: another version makes another file of the same tar. Asked once. */
export function converterVersion(): string {
  if (version === undefined) {
    try {
      const said = execFileSync(nativeExecutable('gantry-layer'), ['version'], { encoding: 'utf8' });
      version = said.split(' ')[0] ?? '';
    } catch (cause) {
      throw notStarted(cause);
    }
  }
  return version;
}

async function textOf(stream: Readable | null): Promise<string> {
  let out = '';
  stream?.setEncoding('utf8');
  for await (const chunk of stream ?? []) if (out.length < OUTPUT_LIMIT) out += chunk;
  return out;
}

function notStarted(cause: unknown): GantryError {
  const message = `cannot start ${nativeExecutable('gantry-layer')}; was it built (npm run build)?`;
  return new GantryError({ code: 'internal', operation: 'convert layer', message, cause });
}

/** The process `gantry-layer`: started with just the descriptors that it needs, and gone when it is closed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { GantryError, nativeExecutable } from '../../base/index.ts';

/** Bytes of its result, which may list very many directories. */
const OUTPUT_LIMIT = 256 << 20;

export interface ConverterEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: Buffer;
  readonly err: string;
}

export class ConverterProcess {
  /** Rejects only when the process could not be started. */
  readonly ended: Promise<ConverterEnd>;
  readonly #child: ChildProcess;
  readonly stdin: Writable;
  readonly #signal: AbortSignal;
  readonly #kill: () => void;

  /** @param files descriptors that it gets as 3 and on */
  constructor(args: readonly string[], files: readonly number[], signal: AbortSignal) {
    const stdio = ['pipe', 'pipe', 'pipe', ...files] as const;
    this.#child = spawn(nativeExecutable('gantry-layer'), args, { stdio: [...stdio], env: {}, cwd: '/' });
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
    const outputs = Promise.all([bytesOf(stdout), bytesOf(stderr)]);
    try {
      const [code, signal] = (await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null];
      const [out, err] = await outputs;
      return { code, signal, out, err: err.toString() };
    } catch (cause) {
      await outputs.catch(() => undefined);
      throw notStarted(cause);
    }
  }
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

async function bytesOf(stream: Readable | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += (chunk as Buffer).length;
    if (size <= OUTPUT_LIMIT) chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function notStarted(cause: unknown): GantryError {
  const message = `cannot start ${nativeExecutable('gantry-layer')}; was it built (npm run build)?`;
  return new GantryError({ code: 'internal', operation: 'convert layer', message, cause });
}

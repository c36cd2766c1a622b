import type { Socket } from 'node:net';

export type StreamName = 'stdin' | 'stdout' | 'stderr' | 'error' | 'resize';

/** What came over a connection until it ended, by stream. `error` is the error channel's text. */
export type Received = Readonly<Record<'stdout' | 'stderr' | 'error', string>>;

/** The client's end of an exec or attach, whichever wire protocol it speaks. */
export interface RemoteClient {
  /** For rudeness: reset it, stop reading from it. */
  readonly socket: Socket;
  /** The sub-protocol that the server chose. */
  readonly protocol: string;
  readonly received: Received;
  /** When the connection is gone, politely or not. */
  readonly closed: Promise<void>;
  write(bytes: string | Buffer): void;
  endStdin(): void;
  resize(columns: number, rows: number): void;
  /** Ends the conversation without a word more. */
  destroy(): void;
}

/** Collects text, at most a megabyte a stream: a flood must not become this process's memory. */
export class Collector {
  readonly #texts = { stdout: '', stderr: '', error: '' };

  add(name: string, bytes: Buffer): void {
    if (!(name in this.#texts)) return;
    const texts = this.#texts as Record<string, string>;
    const text = texts[name] ?? '';
    if (text.length < 1 << 20) texts[name] = text + bytes.toString('latin1');
  }

  get received(): Received {
    return this.#texts;
  }
}

/** The exit code that an error channel tells, in any version of the protocol; undefined: it tells of something else. */
export function exitCodeOf(error: string): number | undefined {
  if (error === '') return 0;
  if (!error.startsWith('{')) {
    const [, code] = /exit status (\d+)$/.exec(error) ?? [];
    return code === undefined ? undefined : Number(code);
  }
  const status = JSON.parse(error) as {
    status?: string;
    reason?: string;
    details?: { causes?: { reason?: string; message?: string }[] };
  };
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  return status.reason === 'NonZeroExitCode' ? Number(cause?.message) : undefined;
}

/** Fails after so many milliseconds, with a name, instead of hanging. */
export async function within<T>(what: string, milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The streaming folder's vocabulary: what a session is, and what carries it out. Knows nothing of pods or CRI. */
import type { Duplex, Readable, Writable } from 'node:stream';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Which streams the caller of Exec or Attach asked for. With a terminal there is no stderr. */
export interface StreamSelection {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A client's ends, whatever the wire protocol: read stdin, write stdout and stderr, hear of new terminal sizes. */
export interface SessionIo {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  onResize(listener: (size: TerminalSize) => void): void;
  /** Aborted when the client is gone, politely or rudely. */
  readonly signal: AbortSignal;
  /** Aborted when the server ends, with the error that the client is told. What runs in the container goes on. */
  readonly ending: AbortSignal;
}

/** An exec or attach, resolved when the token was made; `run` is what happens once a client has connected. */
export interface RemoteCommandSession {
  readonly kind: 'exec' | 'attach';
  readonly streams: StreamSelection;
  /** Returns the exit code (attach: 0). Rejects when it could not be started or was cut off. */
  run(io: SessionIo): Promise<number>;
}

export interface PortForwardSession {
  readonly kind: 'port-forward';
  /** For WebSocket clients, which name their ports in the CRI request; SPDY clients name them a stream. */
  readonly ports: readonly number[];
  /** Joins a client's stream with a port of the pod; resolves when both directions have ended. */
  forward(port: number, client: Duplex, signal: AbortSignal): Promise<void>;
}

export type Session = RemoteCommandSession | PortForwardSession;

/** A client's connection at its upgrade. */
export interface Connection {
  readonly socket: Duplex;
  /** What the client has sent behind its request. */
  readonly head: Buffer;
  /** Aborts when the server ends. */
  readonly ending: AbortSignal;
}

/** The numbered byte streams of one exec, attach or port-forward, whatever carries them. */
export interface Channels {
  /** Bytes that came on a channel; `end` when the other side will send no more on it, where the transport can say so. */
  onData(listener: (channel: number, bytes: Buffer) => void): void;
  send(channel: number, bytes: Buffer): void;
  /** No more will be sent on this channel. */
  end(channel: number): void;
  /** Resolves when the connection is closed, whoever closed it. */
  readonly closed: Promise<void>;
  /** A proper close. */
  close(): void;
  /** The connection is reset, as if the client had crashed. */
  cut(): void;
}

/** Of remote commands, as WebSocket numbers them. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

export type Transport = 'spdy' | 'websocket';

/** Of the request that is upgraded. */
export type Headers = Readonly<Record<string, string>>;

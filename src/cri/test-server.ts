/** A server on a socket of its own, with handlers that a test gives, and a client of grpc-js. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import type { MessageInits, MessageName, Messages } from '../cri-types/index.ts';
import { type CriServer, type Handlers, listen } from './server.ts';
import { codec } from './wire.ts';

export interface LogLine {
  readonly level: number;
  readonly rpc: string;
  readonly request: number;
  readonly code: string;
  readonly ms: number;
  readonly msg: string;
}

export class TestServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-cri-server-'));
  readonly socket = join(this.directory, 'run', 'gantry.sock');
  readonly lines: LogLine[] = [];
  readonly observed: string[] = [];
  server: CriServer | undefined;
  #client: Client | undefined;

  async start(runtime: Handlers): Promise<Client> {
    const write = (line: string): void => void this.lines.push(JSON.parse(line) as LogLine);
    const log = pino({ level: 'debug', base: null }, { write });
    const observe = (rpc: string, code: string): void => void this.observed.push(`${rpc} ${code}`);
    this.server = await listen({ listen: `unix://${this.socket}`, log, observe, runtime, image: {} });
    this.#client = new Client(`unix:${this.socket}`, credentials.createInsecure());
    return this.#client;
  }

  async close(): Promise<void> {
    this.#client?.close();
    await this.server?.close(0);
    rmSync(this.directory, { recursive: true });
  }
}

export function call<Q extends MessageName, A extends MessageName>(
  from: Client,
  rpc: string,
  [request, answer]: readonly [Q, A],
  message: MessageInits[Q],
  deadline?: number,
): Promise<Messages[A]> {
  return new Promise((resolve, reject) => {
    from.makeUnaryRequest(
      `/runtime.v1.RuntimeService/${rpc}`,
      (m: MessageInits[Q]) => codec(request).encode(m),
      (bytes) => codec(answer).decode(bytes),
      message,
      deadline === undefined ? {} : { deadline: Date.now() + deadline },
      (error, value) => (error || value === undefined ? reject(error) : resolve(value)),
    );
  });
}

export const version = ['VersionRequest', 'VersionResponse'] as const;

export const failure = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => {
      throw new Error('the call succeeded');
    },
    (error: ServiceError) => error,
  );

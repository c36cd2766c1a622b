/** A control connection for tests, straight from the proto file: what another stage0 would write. */
import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const protoFile = fileURLToPath(new URL('../../../proto/stage1/stage1.proto', import.meta.url));
const Frame = protobuf.parse(readFileSync(protoFile, 'utf8')).root.lookupType('gantry.stage1.v1.Frame');

export interface WireError {
  readonly errnoValue: number;
  readonly operation: string;
  readonly subject: string;
  readonly message: string;
}

export interface AppState {
  readonly appId: string;
  readonly phase: string;
  readonly pid: number;
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly signal: number;
  readonly oomKilled: boolean;
  readonly restarts: number;
}

export interface ExecExit {
  readonly execId: string;
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly killed: boolean;
}

export interface Response {
  readonly id: bigint;
  readonly error?: WireError;
  readonly state?: {
    readonly hello?: { readonly contractVersion: number; readonly flavor: string };
    readonly ready: boolean;
    readonly sandboxPid: number;
    readonly apps: AppState[];
  };
  readonly created?: { readonly pid: number };
  readonly execStarted?: { readonly pid: number };
  readonly stopped?: { readonly apps: AppState[] };
}

export interface Stage1Event {
  readonly hello?: { readonly contractVersion: number; readonly pid: number; readonly podId: string };
  readonly podReady?: { readonly sandboxPid: number };
  readonly podFailed?: { readonly error: WireError };
  readonly appStarted?: { readonly appId: string; readonly pid: number };
  readonly appExited?: { readonly app: AppState };
  readonly execExited?: ExecExit;
  readonly warning?: { readonly appId: string; readonly message: string };
}

/** The answer was an error; `errno` is its number. */
export class Refused extends Error {
  readonly errno: number;
  readonly operation: string;
  readonly subject: string;
  constructor(error: WireError) {
    super(`${error.operation} ${error.subject}: errno ${error.errnoValue}: ${error.message}`);
    this.errno = error.errnoValue;
    this.operation = error.operation;
    this.subject = error.subject;
  }
}

export function encodeFrame(frame: Record<string, unknown>): Buffer {
  const body = Frame.encode(Frame.fromObject(frame)).finish();
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

function decodeFrame(body: Buffer): { response?: Response; event?: Stage1Event } {
  return Frame.toObject(Frame.decode(body), { longs: BigInt, enums: String, defaults: true });
}

interface Waiter {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
}

export class Control {
  readonly socket: Socket;
  readonly events: Stage1Event[] = [];
  readonly closed: Promise<void>;
  #buffer: Buffer = Buffer.alloc(0);
  #nextId = 1;
  readonly #waiting = new Map<bigint, Waiter>();
  readonly #watchers = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk) => this.#push(chunk as Buffer));
    socket.on('error', () => {});
    void this.closed.then(() => {
      for (const waiter of this.#waiting.values()) waiter.reject(new Error('connection closed'));
      for (const watcher of this.#watchers) watcher();
    });
  }

  static connect(path: string): Promise<Control> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('connect', () => resolve(new Control(socket)));
      socket.once('error', reject);
    });
  }

  /** The request's answer; throws Refused when it is an error. */
  request(op: Record<string, unknown>): Promise<Response> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(BigInt(id), { resolve, reject });
      this.socket.write(encodeFrame({ request: { id, ...op } }));
    });
  }

  /** The answer of this id, to bytes that the caller writes; throws Refused when it is an error. */
  answer(id: bigint): Promise<Response> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** The first event, past or to come, for which `pick` returns something. */
  event<T>(pick: (event: Stage1Event) => T | undefined, timeout = 20_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        for (const event of this.events) {
          const found = pick(event);
          if (found === undefined) continue;
          finish();
          resolve(found);
          return true;
        }
        if (!this.socket.closed) return false;
        finish();
        reject(new Error('the connection closed before the event'));
        return true;
      };
      const timer = setTimeout(() => {
        finish();
        reject(
          new Error(`no such event in ${timeout} ms; there were: ${JSON.stringify(this.events, bigints)}`),
        );
      }, timeout);
      const finish = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      if (!look()) this.#watchers.add(look);
    });
  }

  #push(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length >= 4) {
      const length = this.#buffer.readUInt32BE(0);
      if (this.#buffer.length < 4 + length) return;
      const frame = decodeFrame(this.#buffer.subarray(4, 4 + length));
      this.#buffer = this.#buffer.subarray(4 + length);
      if (frame.response) this.#answer(frame.response);
      if (!frame.event) continue;
      this.events.push(frame.event);
      for (const watcher of [...this.#watchers]) watcher();
    }
  }

  #answer(response: Response): void {
    const waiter = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if (response.error) waiter?.reject(new Refused(response.error));
    else waiter?.resolve(response);
  }
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Opens a stream and reads its answer; what follows stays in the paused socket. */
export async function openStream(
  path: string,
  target: { appId: string; execId?: string; stream: 'STDIN' | 'STDOUT' | 'STDERR' },
): Promise<Socket> {
  const socket = createConnection({ path, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  socket.write(encodeFrame({ openStream: target }));
  const head = await readExactly(socket, 4);
  const answer = decodeFrame(await readExactly(socket, head.readUInt32BE(0)));
  if (answer.response?.error) {
    socket.destroy();
    throw new Refused(answer.response.error);
  }
  return socket;
}

async function readExactly(socket: Socket, size: number): Promise<Buffer> {
  if (size === 0) return Buffer.alloc(0);
  for (;;) {
    const bytes: Buffer | null = socket.read(size);
    if (bytes !== null) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error('the stream ended');
    await new Promise<void>((resolve) => {
      const go = (): void => {
        for (const name of ['readable', 'end', 'close'] as const) socket.off(name, go);
        resolve();
      };
      for (const name of ['readable', 'end', 'close'] as const) socket.once(name, go);
    });
  }
}

/** Everything until the other side's end-of-file. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * The control protocol (`proto/stage1/stage1.proto`) as TypeScript sees it: messages as plain objects, 64-bit numbers as
 * bigint, enums by name. The only file that loads protobufjs; import it lazily where a command may do without.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

export type AppPhase = 'APP_PHASE_UNSPECIFIED' | 'BARRIER' | 'CREATED' | 'RUNNING' | 'EXITED';
export type StreamName = 'STDIN' | 'STDOUT' | 'STDERR';

export interface WireError {
  readonly errnoValue: number;
  readonly operation: string;
  readonly subject: string;
  readonly message: string;
}

export interface Hello {
  readonly contractVersion: number;
  readonly version: string;
  readonly pid: number;
  readonly podId: string;
  readonly flavor: string;
}

/** Times are nanoseconds since the epoch, 0n where it has not happened. */
export interface AppState {
  readonly appId: string;
  readonly phase: AppPhase;
  readonly pid: number;
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly signal: number;
  readonly oomKilled: boolean;
  readonly restarts: number;
}

export interface PodState {
  readonly hello: Hello | null;
  readonly ready: boolean;
  readonly sandboxPid: number;
  readonly apps: readonly AppState[];
}

export interface ExecExit {
  readonly appId: string;
  readonly execId: string;
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly killed: boolean;
}

/** Exactly one member is there: the event's kind. */
export interface Stage1Event {
  readonly hello?: Hello;
  readonly podReady?: { readonly sandboxPid: number };
  readonly podFailed?: { readonly error: WireError | null };
  readonly appStarted?: { readonly appId: string; readonly pid: number; readonly startedAt: bigint };
  readonly appExited?: { readonly app: AppState | null };
  readonly execExited?: ExecExit;
  readonly warning?: { readonly appId: string; readonly message: string };
}

/** One request, by the name of its member in `Request`; `id` is the connection's business. */
export type RequestOp =
  | { getState: Record<string, never> }
  | { subscribe: Record<string, never> }
  | { stopPod: { grace: string } }
  | { continuePod: Record<string, never> }
  | { create: { appId: string } }
  | { continue: { appId: string } }
  | { start: { appId: string } }
  | { kill: { appId: string; signal: number; all: boolean; execId: string } }
  | { stop: { appId: string; grace: string; signal: number } }
  | { delete: { appId: string } }
  | { update: { appId: string; resourcesJson: Uint8Array } }
  | { reopenLog: { appId: string } }
  | { resize: { appId: string; execId: string; rows: number; columns: number } }
  | {
      exec: {
        appId: string;
        execId: string;
        processJson: Uint8Array;
        timeout: string;
        streams: readonly StreamName[];
        notAfter: string;
      };
    };

export interface Response {
  readonly id: bigint;
  readonly error?: WireError;
  readonly state?: PodState;
  readonly created?: { readonly pid: number };
  readonly execStarted?: { readonly pid: number };
  readonly stopped?: { readonly apps: readonly AppState[] };
}

export interface IncomingFrame {
  readonly response?: Response;
  readonly event?: Stage1Event;
}

const source = fileURLToPath(new URL('../../proto/stage1/stage1.proto', import.meta.url));
const frameType = protobuf
  .parse(readFileSync(source, 'utf8'), { keepCase: false })
  .root.lookupType('gantry.stage1.v1.Frame');

/** A Frame's limit in bytes, either way. */
export const MAX_FRAME = 4 << 20;

/** A whole frame with its length in front. */
function encode(frame: Record<string, unknown>): Buffer {
  const body = frameType.encode(frameType.fromObject(frame)).finish();
  const bytes = Buffer.allocUnsafe(4 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.set(body, 4);
  return bytes;
}

export function encodeRequest(id: number, op: RequestOp): Buffer {
  return encode({ request: { id, ...op } });
}

export function encodeOpenStream(appId: string, execId: string, stream: StreamName): Buffer {
  return encode({ openStream: { appId, execId, stream } });
}

/**
 * The body of one frame, without its length. What a later release added is passed over: fields, kinds of events (no member is
 * there then), words (the number is). Throws on bytes that are no Frame.
 */
export function decodeFrame(body: Uint8Array): IncomingFrame {
  // `defaults` fills in zeroes and empty lists; of a oneof only the member that is set is there.
  return frameType.toObject(frameType.decode(body), {
    longs: BigInt,
    enums: String,
    defaults: true,
  }) as IncomingFrame;
}

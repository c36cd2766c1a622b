/**
 * Moves one blob from a registry into a stream, across broken connections: what arrived is kept, the rest is asked for
 * by range. It does not look at the bytes: whoever reads the stream verifies the digest.
 */
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, errorCode, GantryError, type Logger } from '../../base/index.ts';
import { RateWatch } from '../rate-watch.ts';
import type { BlobPart, WantedBlob } from './blob-part.ts';
import type { RegistryHost } from './host.ts';
import type { RegistrySession } from './session.ts';

export interface TransferOptions {
  readonly session: RegistrySession;
  readonly blob: WantedBlob;
  /** Bytes a second, averaged over `windowMs`: a connection below it is given up. */
  readonly minimumRate: number;
  readonly windowMs: number;
  /** Endpoints that are known to have something else under this digest. */
  readonly except: ReadonlySet<RegistryHost>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface TransferResult {
  /** False when the sink closed first: its owner knows why. */
  readonly complete: boolean;
  readonly endpoint: RegistryHost | undefined;
}

/** Broken connections in a row that moved less than PROGRESS bytes. */
const FAILURE_LIMIT = 5;
const PROGRESS = 1 << 20;
const BACKOFF_MS = 200;

/** A transfer whose endpoint is to blame; the caller may try the others. */
export class WrongContentError extends GantryError {
  readonly endpoint: RegistryHost;
  constructor(endpoint: RegistryHost, subject: string, message: string) {
    super({ code: 'data-loss', operation: 'fetch layer', subject, message });
    this.endpoint = endpoint;
  }
}

/** Ends `sink` once every byte was accepted by it. Fails with 'cancelled', 'unavailable', or what the registry answers. */
export async function transferBlob(options: TransferOptions, sink: Writable): Promise<TransferResult> {
  const { session, blob, except, signal, log } = options;
  const { digest, size } = blob;
  let offset = 0;
  let failures = 0;
  let part: BlobPart | undefined;
  while (offset < size) {
    part = await session.openBlob(blob, offset, part, except, signal);
    checkTotal(part, digest, size);
    // Between two connections, when nobody listened to it.
    if (sink.destroyed) {
      part.body.destroy();
      return { complete: false, endpoint: part.endpoint };
    }
    const outcome = await copy(part.body, sink, {
      skip: offset - part.offset,
      room: size - offset,
      ...options,
    });
    offset += outcome.copied;
    if (sink.destroyed || outcome.sinkFailed) return { complete: false, endpoint: part.endpoint };
    if (signal.aborted) throw cancelled(digest);
    if (outcome.surplus) throw wrong(part, digest, `more than the ${size} bytes that the manifest says`);
    if (offset === size) break;
    failures = outcome.copied >= PROGRESS ? 1 : failures + 1;
    if (failures > FAILURE_LIMIT) throw gaveUp(part, digest, offset, size, outcome.error);
    log.info(
      { digest, offset, size, host: part.endpoint.host, why: describeError(outcome.error) },
      'layer transfer broke, resuming',
    );
    await sleep(BACKOFF_MS * 2 ** (failures - 1), undefined, { signal }).catch(() => undefined);
  }
  sink.end();
  return { complete: true, endpoint: part?.endpoint };
}

interface CopyOptions {
  /** Bytes at the start that the sink has already (the server ignored the range). */
  readonly skip: number;
  /** Bytes that the sink still wants. */
  readonly room: number;
  readonly minimumRate: number;
  readonly windowMs: number;
}

interface CopyOutcome {
  readonly copied: number;
  readonly surplus: boolean;
  readonly sinkFailed: boolean;
  readonly error: Error | undefined;
}

/** Never rejects: whatever ends the stream, what was copied counts. */
function copy(body: Readable, sink: Writable, options: CopyOptions): Promise<CopyOutcome> {
  const { promise, resolve } = Promise.withResolvers<CopyOutcome>();
  const watch = new RateWatch(options.minimumRate, options.windowMs, performance.now());
  let { skip, room } = options;
  let surplus = false;
  let sinkFailed = false;
  let error: Error | undefined;

  const timer = setInterval(
    () => {
      if (watch.stalled(performance.now())) {
        body.destroy(new Error(`below ${options.minimumRate} bytes/s for ${options.windowMs / 1000} s`));
      }
    },
    Math.min(1000, options.windowMs / 4),
  );
  const onDrain = (): void => {
    watch.resume(performance.now());
    body.resume();
  };
  const onSinkEnd = (): void => {
    sinkFailed = true;
    body.destroy();
  };
  const finish = (): void => {
    clearInterval(timer);
    sink.off('drain', onDrain).off('error', onSinkEnd).off('close', onSinkEnd);
    resolve({ copied: options.room - room, surplus, sinkFailed, error });
  };
  const write = (chunk: Buffer): void => {
    room -= chunk.length;
    if (sink.write(chunk)) return;
    watch.pause(performance.now());
    body.pause();
  };

  sink.on('drain', onDrain).on('error', onSinkEnd).on('close', onSinkEnd);
  body.on('data', (chunk: Buffer) => {
    watch.received(chunk.length);
    let rest = chunk;
    if (skip > 0) {
      rest = chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
      if (rest.length === 0) return;
    }
    if (rest.length > room) {
      surplus = true;
      body.destroy();
      return;
    }
    write(rest);
  });
  body.on('error', (cause) => {
    error = cause;
  });
  body.once('close', finish);
  if (body.closed) finish();
  return promise;
}

function checkTotal(part: BlobPart, digest: string, size: number): void {
  if (part.total === undefined || part.total === size) return;
  part.body.destroy();
  throw wrong(part, digest, `${part.total} bytes where the manifest says ${size}`);
}

function wrong(part: BlobPart, digest: string, what: string): WrongContentError {
  return new WrongContentError(part.endpoint, digest, `layer ${digest}: ${part.endpoint.host} sends ${what}`);
}

function gaveUp(part: BlobPart, digest: string, offset: number, size: number, cause: unknown): GantryError {
  const why =
    errorCode(cause) === 'internal'
      ? describeError(cause ?? 'the connection ended early')
      : describeError(cause);
  return new GantryError({
    code: 'unavailable',
    operation: 'fetch layer',
    subject: digest,
    message: `layer ${digest}: ${part.endpoint.host} broke off ${FAILURE_LIMIT + 1} times in a row, at byte ${offset} of ${size} (${why})`,
    cause,
  });
}

function cancelled(digest: string): GantryError {
  return new GantryError({
    code: 'cancelled',
    operation: 'fetch layer',
    subject: digest,
    message: `fetching layer ${digest} was cancelled`,
  });
}

/** Byte streams of apps and execs: one connection each (`OpenStream` in the protocol). */
import type { Socket } from 'node:net';
import { GantryError, inTime } from '../base/index.ts';
import { connectSocket } from './connection.ts';
import { decodeFrame, encodeOpenStream, MAX_FRAME, type StreamName } from './protocol.ts';
import { Stage1Error } from './wire-error.ts';

/**
 * Opens one stream; empty `execId`: of the app itself. Resolves when stage1 has accepted it; from then on the socket
 * carries the stream's bytes and nothing else, in paused mode (nothing is read until somebody does). Errors: stage1's;
 * deadline-exceeded for a stage1 that does not answer; the signal's reason.
 */
export async function openStream(
  controlSocket: string,
  appId: string,
  execId: string,
  stream: StreamName,
  signal?: AbortSignal,
): Promise<Socket> {
  const socket = await connectSocket(controlSocket);
  socket.write(encodeOpenStream(appId, execId, stream));
  try {
    const answer = decodeFrame(await inTime('openStream', readFrame(socket), noAnswer, undefined, signal));
    if (answer.response?.error) throw new Stage1Error(answer.response.error);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function noAnswer(milliseconds: number): GantryError {
  return new GantryError({
    code: 'deadline-exceeded',
    operation: 'open stream',
    message: `stage1 did not accept a stream in ${milliseconds} ms`,
  });
}

/** One frame off a paused socket, not a byte more. */
function readFrame(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let length: number | undefined;
    const done = (settle: () => void): void => {
      socket.off('readable', onReadable);
      socket.off('error', onError);
      socket.off('close', onClose);
      settle();
    };
    const fail = (message: string, cause?: Error): void =>
      done(() => reject(new GantryError({ code: 'unavailable', operation: 'open stream', message, cause })));
    const onError = (cause: Error): void => fail('the stream’s connection broke', cause);
    const onClose = (): void => fail('stage1 closed the stream’s connection before it answered');
    const onReadable = (): void => {
      if (length === undefined) {
        const head: Buffer | null = socket.read(4);
        if (head === null) return;
        length = head.readUInt32BE(0);
        if (length > MAX_FRAME) {
          fail(`an answer of ${length} bytes is none of this protocol’s`);
          return;
        }
      }
      const body: Buffer | null = length === 0 ? Buffer.alloc(0) : socket.read(length);
      if (body !== null) done(() => resolve(body));
    };
    socket.on('readable', onReadable);
    socket.once('error', onError);
    socket.once('close', onClose);
    onReadable();
  });
}

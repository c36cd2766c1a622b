import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errno, GantryError, makeDirectory, paths } from '../base/index.ts';

/** Bytes: sockaddr_un, less the final NUL. */
const longestSocketPath = 107;

/** Every pod has a socket below `state`. Errors: invalid-argument when its path would be too long. */
export function checkState(state: string): void {
  const spare =
    longestSocketPath - Buffer.byteLength(paths.controlSocket({ root: '', state }, '0'.repeat(64)));
  if (spare >= 0) return;
  const most = Buffer.byteLength(state) + spare;
  throw failure(
    'invalid-argument',
    state,
    `the state directory's path ${state} is longer than ${most} bytes: the pods' sockets in there have paths of at most ${longestSocketPath}`,
  );
}

/** `unix:///run/gantry/gantry.sock` → its path. Errors: invalid-argument for any other kind of address. */
export function socketPath(listen: string): string {
  const path = listen.replace(/^unix:(\/\/)?/, '');
  if (!path.startsWith('/')) {
    throw failure('invalid-argument', listen, `listen address '${listen}' is not unix:///absolute/path`);
  }
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw failure(
      'invalid-argument',
      listen,
      `socket path ${path} is longer than the ${longestSocketPath} bytes that unix(7) allows`,
    );
  }
  return path;
}

/**
 * Makes way for a socket: its directory (root's alone), and no socket that a dead server left. Errors:
 * failed-precondition when a server still answers there, or when the path is something else.
 */
export async function prepareSocket(path: string): Promise<void> {
  makeDirectory(dirname(path));
  let isSocket: boolean;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if (errno(error) === 'ENOENT') return;
    throw error;
  }
  if (!isSocket)
    throw failure(
      'failed-precondition',
      path,
      `${path} exists and is no socket; remove it, or listen elsewhere`,
    );
  if (await answers(path)) {
    throw failure(
      'failed-precondition',
      path,
      `another server listens on ${path}; stop it, or listen elsewhere`,
    );
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = errno(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

function failure(
  code: 'invalid-argument' | 'failed-precondition',
  subject: string,
  message: string,
): GantryError {
  return new GantryError({ code, operation: 'listen', subject, message });
}

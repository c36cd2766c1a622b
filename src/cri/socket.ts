import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errno, GantryError } from '../base/index.ts';

/** `unix:///run/gantry/gantry.sock` → its path. Errors: invalid-argument for any other kind of address. */
export function socketPath(listen: string): string {
  const path = listen.replace(/^unix:(\/\/)?/, '');
  if (!path.startsWith('/')) {
    throw failure('invalid-argument', listen, `listen address '${listen}' is not unix:///absolute/path`);
  }
  // sockaddr_un, less the final NUL
  if (Buffer.byteLength(path) > 107) {
    throw failure(
      'invalid-argument',
      listen,
      `socket path ${path} is longer than the 107 bytes that unix(7) allows`,
    );
  }
  return path;
}

/**
 * Makes way for a socket: its directory (root's alone), and no socket that a dead server left. Errors:
 * failed-precondition when a server still answers there, or when the path is something else.
 */
export async function prepareSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
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

import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { errno } from '../base/index.ts';

export interface Listener {
  close(): Promise<void>;
}

/** A unix socket that only root may connect to; nobody else may sit there any more. Errors: Node's, of bind and listen. */
export async function listenForPlugins(
  path: string,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  // Bound inside of listen(): the mask holds for nothing else.
  const mask = process.umask(0o177);
  const listening = new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
    server.listen(path);
  }).finally(() => server.removeAllListeners('error'));
  process.umask(mask);
  await listening;
  chmodSync(path, 0o600);
  return { close: () => close(server, sockets, path) };
}

/** Those that have not registered yet too. */
async function close(server: Server, sockets: ReadonlySet<Socket>, path: string): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await closed;
  try {
    unlinkSync(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}

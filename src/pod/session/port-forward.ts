import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { native } from '../../base/index.ts';

/**
 * Joins a client with a TCP port on the pod's own loopback, v4 first, then v6: what listens on localhost only is reached
 * too, as `kubectl port-forward` promises. '' is the host's network. Resolves when the connection has ended, whoever ended it
 * and however: a reset of one side becomes a reset of the other. Rejects only when there was none to end (nothing listens) or
 * by the signal, because client-go gives up the whole forward for one connection that an error is told of, and resets
 * the data of each that the pod's side closed first.
 */
export async function forwardPort(
  netnsPath: string,
  port: number,
  client: Duplex,
  signal: AbortSignal,
): Promise<void> {
  const server = netnsPath === '' ? await connectHere(port, signal) : await connectThere(netnsPath, port);
  // For a client that is gone the pod's process gets a reset: an end would wait behind what it has not read, and the kernel
  // keep that, for minutes.
  const cut = (): void => {
    server.resetAndDestroy();
  };
  signal.addEventListener('abort', cut, { once: true });
  server.on('error', () => undefined);
  try {
    // It may have gone while the connection was made, and is told of once.
    signal.throwIfAborted();
    // Each direction ends alone: a client may have sent all and still be reading.
    client.pipe(server).pipe(client);
    await Promise.all([finished(client), finished(server)]);
  } catch (error) {
    cut();
    if (signal.aborted) throw error;
    client.destroy();
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

async function connectThere(netnsPath: string, port: number): Promise<Socket> {
  const fd = await native().netnsConnect(netnsPath, port);
  return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
}

async function connectHere(port: number, signal: AbortSignal): Promise<Socket> {
  try {
    return await dial('127.0.0.1', port, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return await dial('::1', port, signal);
  }
}

/** What listens and does not accept is waited for as long as the client is there. */
function dial(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const giveUp = (): void => {
      socket.destroy(new Error('the client is gone'));
    };
    const settle = (how: () => void): void => {
      signal.removeEventListener('abort', giveUp);
      how();
    };
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    socket.once('error', (error) => settle(() => reject(error)));
    socket.once('connect', () =>
      settle(() => {
        socket.removeAllListeners('error');
        resolve(socket);
      }),
    );
  });
}

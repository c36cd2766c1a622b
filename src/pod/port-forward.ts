import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { native } from '../base/index.ts';

/**
 * Joins a client with a TCP port on the pod's own loopback, v4 first, then v6: what listens on localhost only is reached
 * too, as `kubectl port-forward` promises. '' is the host's network. Resolves when both directions have ended; rejects when
 * nothing listens.
 */
export async function forwardPort(
  netnsPath: string,
  port: number,
  client: Duplex,
  signal: AbortSignal,
): Promise<void> {
  const server = netnsPath === '' ? await connectHere(port) : await connectThere(netnsPath, port);
  const cut = (): void => {
    server.destroy();
  };
  signal.addEventListener('abort', cut, { once: true });
  try {
    // Each direction ends alone: a client may have sent all and still be reading.
    await Promise.all([pipeline(client, server), pipeline(server, client)]);
  } finally {
    signal.removeEventListener('abort', cut);
    server.destroy();
  }
}

async function connectThere(netnsPath: string, port: number): Promise<Socket> {
  const fd = await native().netnsConnect(netnsPath, port);
  return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
}

async function connectHere(port: number): Promise<Socket> {
  try {
    return await dial('127.0.0.1', port);
  } catch {
    return await dial('::1', port);
  }
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

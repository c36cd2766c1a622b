import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { eventually } from '../harness/index.ts';
import { exitCodeOf, type RemoteClient, type StreamName, within } from './client.ts';
import { attachUrl, type ExecOptions, execUrl, forwardUrl, type Place, port } from './place.ts';
import { SpdyConnection, SpdyRemoteClient } from './spdy.ts';
import { WebSocketChannels, WebSocketRemoteClient } from './websocket.ts';

export type Transport = 'spdy' | 'websocket';
/** One session from its URL to its end. Rejects when it was not what it should have been. */
export type Session = (place: Place, transport: Transport) => Promise<void>;

const patience = 20_000;
const all: readonly StreamName[] = ['stdin', 'stdout', 'stderr'];

export async function openExec(
  { world, heart }: Place,
  transport: Transport,
  text: string,
  options: ExecOptions = {},
): Promise<RemoteClient> {
  const streams = options.streams ?? all;
  const url = await execUrl(world, heart, text, { ...options, streams });
  if (transport === 'websocket') return await WebSocketRemoteClient.open(url);
  const resize = options.tty === true ? (['resize'] as const) : [];
  return await SpdyRemoteClient.open(url, [...streams, ...resize]);
}

export async function openAttach(
  { world }: Place,
  transport: Transport,
  containerId: string,
  streams: readonly StreamName[] = all,
): Promise<RemoteClient> {
  const url = await attachUrl(world, containerId, { streams });
  if (transport === 'websocket') return await WebSocketRemoteClient.open(url);
  return await SpdyRemoteClient.open(url, streams);
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

const echoes: Session = async (place, transport) => {
  const client = await openExec(place, transport, 'cat; echo done >&2; exit 7');
  const text = hex(10_000);
  client.write(text);
  client.endStdin();
  await within('an exec of cat', patience, client.closed);
  expect(client.received.stdout === text).toBe(true);
  expect(client.received.stderr).toBe('done\n');
  expect(exitCodeOf(client.received.error)).toBe(7);
};

const muchOutput: Session = async (place, transport) => {
  const client = await openExec(place, transport, 'seq 1 60000', { streams: ['stdout'] });
  await within('an exec with much output', patience, client.closed);
  expect(client.received.stdout.length).toBe(348_894);
  expect(client.received.stdout.endsWith('\n60000\n')).toBe(true);
  expect(exitCodeOf(client.received.error)).toBe(0);
};

const terminal: Session = async (place, transport) => {
  const options = { tty: true, streams: ['stdin', 'stdout'] } as const;
  const client = await openExec(
    place,
    transport,
    'until stty size 2>&1 | grep 93; do sleep 0.05; done; exit 3',
    options,
  );
  client.resize(93, 31);
  await within('an exec with a terminal', patience, client.closed);
  expect(client.received.stdout).toContain('31 93');
  expect(exitCodeOf(client.received.error)).toBe(3);
};

/** Lines that attached clients have sent to the counter. */
export const sent = { lines: 0 };

const attached: Session = async (place, transport) => {
  const client = await openAttach(place, transport, place.counter);
  const line = hex(20);
  // Written before the server has joined the streams it would be counted, and its answer missed.
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.write(`${line}\n`);
  sent.lines += 1;
  await eventually(
    () => client.received.stdout.includes(line),
    (seen) => seen,
    patience / 1000,
  );
  client.destroy();
  await client.closed;
};

async function forwardedOverSpdy({ world, pod }: Place): Promise<void> {
  const spdy = await SpdyConnection.open(await forwardUrl(world, pod.id, []), ['portforward.k8s.io']);
  const received = new Map<number, Buffer[]>();
  spdy.onData = (id, bytes) => void received.set(id, [...(received.get(id) ?? []), bytes]);
  const textOf = (id: number): string => Buffer.concat(received.get(id) ?? []).toString();
  const pair = async (to: number, requestid: string): Promise<{ error: number; data: number }> => {
    const headers = { port: String(to), requestid };
    return {
      error: await spdy.openStream({ ...headers, streamtype: 'error' }),
      data: await spdy.openStream({ ...headers, streamtype: 'data' }),
    };
  };
  const refused = await pair(port.closed, '0');
  const echo = await pair(port.echo, '1');
  const text = hex(5000);
  spdy.send(echo.data, Buffer.from(text));
  await eventually(
    () => [textOf(echo.data) === text, textOf(refused.error) !== ''],
    (seen) => seen.every(Boolean),
    patience / 1000,
  );
  expect(textOf(refused.error)).toMatch(/ECONNREFUSED|refused/);
  spdy.send(echo.data, Buffer.alloc(0), true);
  await eventually(
    () => spdy.ends.has(echo.data),
    (ended) => ended,
    patience / 1000,
  );
  expect(textOf(echo.error)).toBe('');
  spdy.socket.end();
  await within('the end of a port-forward', patience, spdy.closed);
}

async function forwardedOverWebSocket({ world, pod }: Place): Promise<void> {
  const url = await forwardUrl(world, pod.id, [port.closed, port.echo]);
  const channels = await WebSocketChannels.open(url, ['v4.channel.k8s.io']);
  const received = new Map<number, Buffer[]>();
  channels.onData = (id, bytes) => void received.set(id, [...(received.get(id) ?? []), bytes]);
  const textOf = (id: number): string =>
    Buffer.concat(received.get(id) ?? [])
      .subarray(2)
      .toString();
  const text = hex(5000);
  channels.send(2, Buffer.from(text));
  await eventually(
    () => [textOf(2) === text, textOf(1) !== ''],
    (seen) => seen.every(Boolean),
    patience / 1000,
  );
  expect(textOf(1)).toMatch(/ECONNREFUSED|refused/);
  channels.close();
  await within('the end of a port-forward', patience, channels.closed);
}

const forwarded: Session = async (place, transport) =>
  await (transport === 'spdy' ? forwardedOverSpdy(place) : forwardedOverWebSocket(place));

/** As kubectl would: everything is said, everything is read. */
export const polite: Readonly<Record<string, Session>> = {
  echoes,
  muchOutput,
  terminal,
  attached,
  forwarded,
};

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../harness/index.ts';
import { exitCodeOf, type RemoteClient, within } from './client.ts';
import { attachUrl, execUrl, forwardUrl, type Place, port } from './place.ts';
import { openAttach, openExec, type Session, type Transport } from './polite.ts';
import { SpdyConnection, SpdyRemoteClient } from './spdy.ts';
import { WebSocketChannels } from './websocket.ts';

const much = Buffer.alloc(256 << 10, 'x');

async function someOutput(client: RemoteClient): Promise<void> {
  await eventually(
    () => client.received.stdout.length > 0,
    (some) => some,
    20,
  );
}

/** Writes as much as the connection takes, until nothing moves any more. */
async function flood(
  client: { socket: RemoteClient['socket'] },
  write: (bytes: Buffer) => void,
): Promise<void> {
  for (let n = 0; n < 16 && !client.socket.destroyed; n += 1) {
    write(much);
    await sleep(5);
  }
}

const session = (rudeness: Session): Session => rudeness;

const execs: Readonly<Record<string, Session>> = {
  /** A TCP reset in the middle of output. */
  resetInOutput: session(async (place, transport) => {
    const client = await openExec(place, transport, 'cat /dev/zero');
    await someOutput(client);
    client.socket.resetAndDestroy();
  }),
  /** The client is gone, its stdin was never ended. */
  stdinNeverEnded: session(async (place, transport) => {
    const client = await openExec(place, transport, 'cat');
    client.write('half a line');
    await someOutput(client);
    client.socket.destroy();
  }),
  /** Says that it will send no more, and stays: the server must hang up. */
  halfOpen: session(async (place, transport) => {
    const client = await openExec(place, transport, 'cat');
    client.socket.end();
    await within('the server hanging up', 10_000, client.closed);
  }),
  /** Floods what never reads. */
  floodsDeaf: session(async (place, transport) => {
    const client = await openExec(place, transport, 'sleep 1000');
    await flood(client, (bytes) => client.write(bytes));
    client.socket.resetAndDestroy();
  }),
  /** The same, and the connection is closed without a reset: a client that was killed. */
  floodsDeafAndCloses: session(async (place, transport) => {
    const client = await openExec(place, transport, 'sleep 1000');
    await flood(client, (bytes) => client.write(bytes));
    client.socket.destroy();
  }),
  /** Reads nothing of a flood. */
  readsNothing: session(async (place, transport) => {
    const client = await openExec(place, transport, 'cat /dev/zero', { streams: ['stdout'] });
    client.socket.pause();
    await sleep(100);
    client.socket.resetAndDestroy();
  }),
  /** A process that takes no hint, and one that left its parent and session. */
  stubborn: session(async (place, transport) => {
    const text =
      'trap "" HUP TERM INT; (setsid sh -c "trap \\"\\" HUP; sleep 999" &); echo up; sleep 999; sleep 999';
    const client = await openExec(place, transport, text);
    await someOutput(client);
    client.socket.resetAndDestroy();
  }),
  neverConnects: session(async ({ world, heart }) => {
    await execUrl(world, heart, 'true');
  }),
  /** Upgraded, and then nothing of what the protocol wants. */
  opensNothing: session(async ({ world, heart }, transport) => {
    const url = await execUrl(world, heart, 'sleep 1000');
    if (transport === 'spdy')
      (await SpdyConnection.open(url, ['v4.channel.k8s.io'])).socket.resetAndDestroy();
    else (await WebSocketChannels.open(url, ['v5.channel.k8s.io'])).socket.resetAndDestroy();
  }),
  speaksNonsense: session(async ({ world, heart }, transport) => {
    const url = await execUrl(world, heart, 'sleep 1000');
    const { socket } =
      transport === 'spdy'
        ? await SpdyConnection.open(url, ['v4.channel.k8s.io'])
        : await WebSocketChannels.open(url, ['v5.channel.k8s.io']);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.write(Buffer.alloc(4096, 0xff));
    await within('the server hanging up on nonsense', 10_000, closed);
  }),
  /** One stream is reset: the others go on to their end. */
  resetsOneStream: session(async (place, transport) => {
    const text = 'seq 1 100000; echo alive >&2; exit 5';
    const client = await openExec(place, transport, text, { streams: ['stdout', 'stderr'] });
    if (client instanceof SpdyRemoteClient) client.resetStream('stdout');
    await within('the end of an exec of which one stream was reset', 20_000, client.closed);
    expect(client.received.stderr).toBe('alive\n');
    expect(exitCodeOf(client.received.error)).toBe(5);
  }),
  /** A connection that says nothing at all, or half a request. */
  saysHalfARequest: session(async ({ world, heart }, transport) => {
    const url = new URL(await execUrl(world, heart, 'true'));
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (transport === 'spdy') socket.write(`POST ${url.pathname} HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n`);
    socket.resume();
    await within('the server hanging up on half a request', 25_000, closed);
  }),
};

const attaches: Readonly<Record<string, Session>> = {
  floodsDeafApp: session(async (place, transport) => {
    const client = await openAttach(place, transport, place.deaf);
    await flood(client, (bytes) => client.write(bytes));
    client.socket.resetAndDestroy();
  }),
  readsNothingOfLoudApp: session(async (place, transport) => {
    const client = await openAttach(place, transport, place.loud, ['stdout']);
    client.socket.pause();
    await sleep(200);
    client.socket.resetAndDestroy();
  }),
  attachHalfOpen: session(async (place, transport) => {
    const client = await openAttach(place, transport, place.counter);
    client.socket.end();
    await within('the server hanging up', 10_000, client.closed);
  }),
  attachReset: session(async (place, transport) => {
    const client = await openAttach(place, transport, place.loud);
    await someOutput(client);
    client.socket.resetAndDestroy();
  }),
  attachNeverConnects: session(async ({ world, counter }) => {
    await attachUrl(world, counter);
  }),
};

/** A pair of streams, or of channels, to a port; `data` sends. */
async function forward(
  { world, pod }: Place,
  transport: Transport,
  to: number,
): Promise<{
  socket: RemoteClient['socket'];
  received: () => number;
  data: (bytes: Buffer) => void;
  reset: () => void;
}> {
  let count = 0;
  if (transport === 'websocket') {
    const channels = await WebSocketChannels.open(await forwardUrl(world, pod.id, [to]), [
      'v4.channel.k8s.io',
    ]);
    channels.onData = (_, bytes) => {
      count += bytes.length;
    };
    const data = (bytes: Buffer): void => channels.send(0, bytes);
    // It has no other way to end one channel.
    return { socket: channels.socket, received: () => count - 4, data, reset: () => channels.terminate() };
  }
  const spdy = await SpdyConnection.open(await forwardUrl(world, pod.id, []), ['portforward.k8s.io']);
  spdy.onData = (_, bytes) => {
    count += bytes.length;
  };
  const headers = { port: String(to), requestid: '0' };
  await spdy.openStream({ ...headers, streamtype: 'error' });
  const id = await spdy.openStream({ ...headers, streamtype: 'data' });
  return {
    socket: spdy.socket,
    received: () => count,
    data: (bytes) => spdy.send(id, bytes),
    reset: () => spdy.reset(id),
  };
}

const forwards: Readonly<Record<string, Session>> = {
  forwardReset: session(async (place, transport) => {
    const { socket, data, received } = await forward(place, transport, port.echo);
    data(much);
    await eventually(received, (count) => count > 0, 20);
    socket.resetAndDestroy();
  }),
  forwardReadsNothing: session(async (place, transport) => {
    const { socket } = await forward(place, transport, port.flood);
    socket.pause();
    await sleep(100);
    socket.resetAndDestroy();
  }),
  forwardFloodsDeafPort: session(async (place, transport) => {
    const client = await forward(place, transport, port.deaf);
    await flood(client, client.data);
    client.socket.resetAndDestroy();
  }),
  /** Nobody ever accepts: the connection hangs, and whoever wants it goes away. */
  forwardToBlockedPort: session(async (place, transport) => {
    const { socket, data } = await forward(place, transport, port.blocked);
    data(Buffer.from('hello?'));
    await sleep(50);
    socket.resetAndDestroy();
  }),
  forwardResetsOneStream: session(async (place, transport) => {
    const { socket, data, received, reset } = await forward(place, transport, port.echo);
    data(Buffer.from('hello'));
    await eventually(received, (count) => count > 0, 20);
    reset();
    await sleep(50);
    socket.destroy();
  }),
  forwardNeverConnects: session(async ({ world, pod }) => {
    await forwardUrl(world, pod.id, [port.echo]);
  }),
};

/** As broken clients, dead nodes and impatient people do. None of them may cost anything once it is gone. */
export const rude: Readonly<Record<string, Session>> = { ...execs, ...attaches, ...forwards };

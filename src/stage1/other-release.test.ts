// A stage1 of another release as the server meets it: what it says more is passed over, what it knows less is told.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { Stage1Client } from './client.ts';
import { FrameReader } from './framing.ts';
import type { Stage1Event } from './protocol.ts';

const ENOSYS = 38;

/** The protocol of a later release: more fields, events and phases. */
const Frame = (() => {
  const file = fileURLToPath(new URL('../../proto/stage1/stage1.proto', import.meta.url));
  const text = readFileSync(file, 'utf8')
    .replace('Warning warning = 7;', 'Warning warning = 7; Future future = 30;')
    .replace('EXITED = 4;', 'EXITED = 4; PAUSED = 9;')
    .replace('bool ready = 2;', 'bool ready = 2; Future future = 40;')
    .concat('\nmessage Future { string text = 1; }\n');
  return protobuf.parse(text).root.lookupType('gantry.stage1.v1.Frame');
})();

type Answer = (op: string) => readonly object[];

let server: Server | undefined;
let directory = '';
let client: Stage1Client | undefined;
afterEach(() => {
  client?.close();
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A client of a stage1 that answers each request with these frames; the id is filled in. */
async function connect(answer: Answer): Promise<{ client: Stage1Client; events: Stage1Event[] }> {
  directory = mkdtempSync(join(tmpdir(), 'stage1-'));
  const path = join(directory, 'ctl');
  server = createServer((socket) => serve(socket, answer));
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  client = await Stage1Client.connect(path);
  const events: Stage1Event[] = [];
  client.listen((event) => events.push(event));
  return { client, events };
}

function serve(socket: Socket, answer: Answer): void {
  const reader = new FrameReader(1 << 20, (body) => {
    const { request } = Frame.toObject(Frame.decode(body), { longs: Number, oneofs: true }) as {
      request: { id: number; op: string };
    };
    for (const frame of answer(request.op)) {
      const whole =
        'response' in frame ? { response: { id: request.id, ...(frame.response as object) } } : frame;
      const bytes = Frame.encode(Frame.fromObject(whole)).finish();
      const head = Buffer.alloc(4);
      head.writeUInt32BE(bytes.length);
      socket.write(Buffer.concat([head, bytes]));
    }
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', () => {});
}

const hello = { contractVersion: 99, version: '9.9.9', pid: 7, podId: 'p', flavor: 'wasm' };
const app = { appId: 'a', phase: 'PAUSED', pid: 3 };

describe('a stage1 of a later release', () => {
  it('is understood as far as this one knows', async () => {
    const { client, events } = await connect((op) => [
      { event: { future: { text: 'news' } } },
      { event: { hello } },
      {
        response:
          op === 'getState' ? { state: { hello, ready: true, apps: [app], future: { text: 'x' } } } : {},
      },
    ]);
    await client.subscribe();
    expect(client.hello).toMatchObject({ contractVersion: 99, version: '9.9.9', flavor: 'wasm' });
    const state = await client.getState();
    expect(state).toMatchObject({ ready: true, apps: [{ appId: 'a', phase: 9, pid: 3 }] });
    await client.start('a');
    expect(events.filter((event) => Object.keys(event).length === 0).length).toBe(3);
    expect(client.isOpen).toBe(true);
  });
});

describe('a stage1 of an earlier release', () => {
  it('that does not know a request: the error says so, with its release', async () => {
    const early = { ...hello, contractVersion: 1, version: '0.0.9' };
    const { client } = await connect((op) =>
      op === 'subscribe'
        ? [{ response: {} }, { event: { hello: early } }]
        : [{ response: { error: { errnoValue: ENOSYS, operation: 'request', message: 'what?' } } }],
    );
    await client.subscribe();
    await expect(client.reopenLog('a')).rejects.toMatchObject({
      code: 'unimplemented',
      message: expect.stringMatching(
        /release 0\.0\.9 \(contract 1\) and does not know the request "reopenLog"/,
      ),
    });
    expect(client.isOpen).toBe(true);
  });
});

// What a server of a later release may say and write: never the end of anything, and never half understood in silence.
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Control, makeRootfs, type Response, type Rootfs, TestPod } from '../testing/index.ts';

let rootfs: Rootfs;
const pods: TestPod[] = [];

async function start(manifest: Record<string, unknown> = {}): Promise<TestPod> {
  const pod = await TestPod.start({ rootfs: rootfs.path, manifest });
  pods.push(pod);
  return pod;
}

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
afterEach(async () => {
  for (const pod of pods.splice(0)) await pod.close();
});

const ENOSYS = 38;
const EINVAL = 22;

/** The protocol as a later release may have it: more fields, requests and kinds of frames. */
const laterFrame = (() => {
  const file = fileURLToPath(new URL('../../../proto/stage1/stage1.proto', import.meta.url));
  const text = readFileSync(file, 'utf8')
    .replace('Exec exec = 19;', 'Exec exec = 19; Future future = 4711;')
    .replace('OpenStream open_stream = 4;', 'OpenStream open_stream = 4; Future later = 15;')
    .replace('message GetState {}', 'message GetState { string more = 77; Future future = 78; }')
    .concat('\nmessage Future { string app_id = 1; int64 number = 2; repeated string words = 300; }\n');
  return protobuf.parse(text).root.lookupType('gantry.stage1.v1.Frame');
})();

function later(frame: Record<string, unknown>): Buffer {
  const body = laterFrame.encode(laterFrame.fromObject(frame)).finish();
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

const future = { appId: 'x', number: 7, words: ['a', 'b'] };

/** Sends bytes on the pod's own control connection and waits for the answer of this id. */
async function answerTo(control: Control, id: number, bytes: Buffer): Promise<Response> {
  const answered = control.answer(BigInt(id));
  control.socket.write(bytes);
  return await answered;
}

describe('the protocol of a later release', () => {
  it('has requests that are not known: each is answered, and the connection goes on', async () => {
    const { control } = await start();
    const bytes = later({ request: { id: 900, future } });
    await expect(answerTo(control, 900, bytes)).rejects.toMatchObject({ errno: ENOSYS });
    expect((await control.request({ getState: {} })).state?.ready).toBe(true);
  });

  it('has more fields: they are passed over', async () => {
    const { control } = await start();
    const answer = await answerTo(
      control,
      901,
      later({ request: { id: 901, getState: { more: 'm', future } } }),
    );
    expect(answer.state?.ready).toBe(true);
  });

  it('has other kinds of frames: refused, and on a connection that is in use nothing else comes of it', async () => {
    const { control, socketPath } = await start();
    const bytes = later({ later: future });
    await expect(answerTo(control, 0, bytes)).rejects.toMatchObject({ errno: ENOSYS });
    expect((await control.request({ getState: {} })).state?.ready).toBe(true);
    const socket = createConnection(socketPath);
    socket.write(bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toContain('older release');
  });

  it('is told the version and the release of this one', async () => {
    const { control } = await start();
    const hello = (await control.request({ getState: {} })).state?.hello;
    expect(hello?.contractVersion).toBe(2);
  });
});

describe('manifests of a later release', () => {
  it('have more members: they are passed over', async () => {
    const more = { future: { deeply: ['nested', { n: 1 }] }, another: null };
    const pod = await start({ ...more, namespaces: { ipc: 'pod', uts: 'pod', pid: 'app', ...more } });
    const id = await pod.run({ args: ['sh', '-c', 'exit 3'], manifest: more });
    expect((await pod.exitOf(id)).exitCode).toBe(3);
  });

  it.each([
    ['a word', { log: { kind: 'loki' } }, /kind is 'loki' but must be one of: cri/],
    ['a version', { contractVersion: 3 }, /contractVersion is 3; this stage1 knows 1 to 2/],
  ])('have %s that is not known: refused by name, and the pod goes on', async (_what, manifest, message) => {
    const pod = await start();
    const refused = pod.run({ args: ['true'], manifest });
    await expect(refused).rejects.toMatchObject({ errno: EINVAL, message: expect.stringMatching(message) });
    const id = await pod.run({ args: ['sh', '-c', 'exit 4'] });
    expect((await pod.exitOf(id)).exitCode).toBe(4);
  });

  it('are read as those of an earlier one', async () => {
    const pod = await start({ contractVersion: 1 });
    const id = await pod.run({ args: ['true'], manifest: { contractVersion: 1 } });
    const file = join(pod.appDirectory(id), 'app.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ contractVersion: 1 });
    expect((await pod.exitOf(id)).exitCode).toBe(0);
    writeFileSync(file, '{'); // nobody reads it again
    expect((await pod.control.request({ getState: {} })).state?.ready).toBe(true);
  });
});

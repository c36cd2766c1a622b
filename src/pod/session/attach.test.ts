/** An interactive command whose client has gone while its stage1 does not run: nothing of the session stays. */
import type { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Container } from '../store/sandbox.ts';
import { execSession } from './attach.ts';
import type { ControlHost } from './start.ts';

test('a client that goes while stage1 is silent leaves no stream open', async () => {
  const opened: Duplex[] = [];
  const killed: number[] = [];
  const control = {
    openStream: async (): Promise<Socket> => {
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      opened.push(stream);
      return stream as unknown as Socket;
    },
  };
  const client = {
    exec: async () => ({ pid: 7, exited: new Promise(() => undefined) }),
    kill: (_id: string, signal: number) => {
      killed.push(signal);
      return new Promise(() => undefined);
    },
  };
  const container = {
    id: 'c',
    state: { kind: 'running' },
    processDocument: () => ({
      process: { args: ['sh'], cwd: '/', user: { uid: 0, gid: 0 } },
      linux: {},
      mounts: [],
    }),
    sandbox: { directory: { controlSocket: '/nowhere' }, requireClient: () => client },
  };
  const leaving = new AbortController();
  const session = execSession(
    { control } as unknown as ControlHost,
    container as unknown as Container,
    { cmd: ['sh'], tty: false },
    {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      onResize: () => undefined,
      signal: leaving.signal,
    },
  );
  const ended = expect(session).rejects.toThrow('the client went away');
  await new Promise((resolve) => setTimeout(resolve, 20));
  leaving.abort(new Error('the client went away'));
  await ended;
  expect(killed).toEqual([1, 9]);
  expect(opened).toHaveLength(3);
  expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
});

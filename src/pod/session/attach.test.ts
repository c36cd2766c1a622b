/** An interactive command whose client has gone while its stage1 does not run, or whose server ends: nothing of the session stays. */
import type { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Container } from '../store/sandbox.ts';
import { execSession } from './attach.ts';
import type { ControlHost } from './start.ts';

/** A session of a command that does not end, on a stage1 that does not answer. */
function begin(signals: { readonly signal?: AbortSignal; readonly ending?: AbortSignal }) {
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
  const never = new AbortController().signal;
  const session = execSession(
    { control } as unknown as ControlHost,
    container as unknown as Container,
    { cmd: ['sh'], tty: false },
    {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      onResize: () => undefined,
      signal: never,
      ending: never,
      ...signals,
    },
  );
  return { session, killed, opened };
}

test.each([
  ['a client that goes while stage1 is silent', 'signal', [1, 9]],
  ['a server that ends, and leaves the command alone,', 'ending', []],
] as const)('%s leaves no stream open', async (_what, which, signals) => {
  const leaving = new AbortController();
  const { session, killed, opened } = begin({ [which]: leaving.signal });
  const ended = expect(session).rejects.toThrow('it went away');
  await new Promise((resolve) => setTimeout(resolve, 20));
  leaving.abort(new Error('it went away'));
  await ended;
  expect(killed).toEqual(signals);
  expect(opened).toHaveLength(3);
  expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
});

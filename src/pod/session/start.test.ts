/** Whatever of a command's beginning fails: no stream stays open, and the command does not run on. */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import type { Container } from '../store/sandbox.ts';
import { type ControlHost, startExec } from './start.ts';

const gone = new Error('the client is gone');

interface Case {
  readonly name: string;
  readonly streams: readonly ('opens' | 'fails')[];
  readonly exec: 'starts' | 'fails';
  readonly kills: number;
}

const cases: readonly Case[] = [
  { name: 'all of it begins', streams: ['opens', 'opens'], exec: 'starts', kills: 0 },
  { name: 'a stream that was given up has arrived', streams: ['opens', 'fails'], exec: 'starts', kills: 1 },
  { name: 'no stream is left', streams: ['fails', 'fails'], exec: 'starts', kills: 1 },
  {
    name: 'stage1 refuses, and its client takes that back itself',
    streams: ['opens', 'opens'],
    exec: 'fails',
    kills: 0,
  },
  { name: 'everything fails', streams: ['fails', 'opens'], exec: 'fails', kills: 0 },
];

test.each(cases)('$name', async ({ streams, exec, kills }) => {
  const opened: Duplex[] = [];
  const killed: unknown[] = [];
  const left = [...streams];
  const control = {
    openStream: async (): Promise<Socket> => {
      if (left.shift() === 'fails') throw gone;
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      opened.push(stream);
      return stream as unknown as Socket;
    },
  };
  const client = {
    exec: async () => {
      if (exec === 'fails') throw gone;
      return { pid: 7, exited: new Promise(() => undefined) };
    },
    kill: async (...args: unknown[]) => void killed.push(args),
  };
  const sandbox = { directory: { controlSocket: '/nowhere' }, requireClient: () => client };
  const starting = startExec(
    { control } as unknown as ControlHost,
    { id: 'c', sandbox } as unknown as Container,
    {
      execId: 'e',
      process: { args: ['true'], cwd: '/' } as never,
      timeout: 0n,
      streams: ['STDOUT', 'STDERR'],
      signal: new AbortController().signal,
    },
  );
  const fails = exec === 'fails' || streams.includes('fails');
  if (fails) await expect(starting).rejects.toBe(gone);
  else expect([...(await starting).sockets.keys()]).toEqual(['STDOUT', 'STDERR']);
  expect(opened.every((stream) => stream.destroyed)).toBe(fails);
  expect(killed).toEqual(Array.from({ length: kills }, () => ['c', 9, { all: true, execId: 'e' }]));
});

import dns from 'node:dns/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { defaultHost } from './host.ts';
import { HttpClient } from './http.ts';
import { sharedLookup } from './lookup.ts';

afterEach(() => void vi.restoreAllMocks());

it('a name that many requests want is looked up once', async () => {
  const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { promise: answered, resolve } = Promise.withResolvers<{ address: string; family: number }[]>();
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation(() => answered as never);
  const http = new HttpClient({});
  const signal = new AbortController().signal;
  const requests = Array.from({ length: 5 }, () =>
    http.send(
      { method: 'GET', url: new URL(`http://reg.test:${port}/`), headers: {}, signal },
      defaultHost('reg.test'),
    ),
  );
  await expect.poll(() => lookup.mock.calls.length).toBeGreaterThan(0);
  resolve([{ address: '127.0.0.1', family: 4 }]);
  const responses = await Promise.all(requests);
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(lookup).toHaveBeenCalledTimes(1);
  for (const { body } of responses) body.destroy();
  http.close();
  server.close();
});

it('the next look is a new one, and a failure is told to each', async () => {
  const lookup = vi
    .spyOn(dns, 'lookup')
    .mockRejectedValue(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
  for (const calls of [1, 2]) {
    const errors = await Promise.all(
      ['a', 'b'].map(async () => {
        const socket = connect({ host: 'reg.test', port: 1, lookup: sharedLookup });
        const [error] = (await once(socket, 'error').catch((cause: unknown) => [cause])) as [
          { code: string },
        ];
        return error.code;
      }),
    );
    expect(errors).toEqual(['ENOTFOUND', 'ENOTFOUND']);
    expect(lookup).toHaveBeenCalledTimes(calls);
  }
});

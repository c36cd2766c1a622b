import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Agents } from './agents.ts';

it('a connection that nobody has used for a while is closed', async () => {
  const server = createServer((_request, response) => response.end('x')).listen(0, '127.0.0.1');
  server.keepAliveTimeout = 0;
  await once(server, 'listening');
  const agents = new Agents(200);
  const agent = agents.get(undefined, undefined, 1000);
  const outgoing = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent }).end();
  const [socket] = (await once(outgoing, 'socket')) as [Socket];
  const [response] = await once(outgoing, 'response');
  response.resume();
  await once(response, 'end');
  expect(socket.destroyed).toBe(false);
  await expect.poll(() => socket.destroyed, { timeout: 2000 }).toBe(true);
  agents.close();
  server.close();
});

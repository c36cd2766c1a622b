/** Proxies of a test's own, of every kind that Gantry uses: they send whatever host is asked for to one registry. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';

export interface TestProxy {
  readonly port: number;
  /** What was asked of it: `GET http://…`, `CONNECT host:port`, `SOCKS host:port`. */
  readonly asked: string[];
  /** Proxy-Authorization headers; user and password of SOCKS. */
  readonly credentials: (string | undefined)[];
  stop(): Promise<void>;
}

/** @param target `127.0.0.1:port`, where everything goes. */
export async function startHttpProxy(
  target: string,
  tls?: { key: Buffer; cert: Buffer },
): Promise<TestProxy> {
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const [asked, credentials]: [string[], (string | undefined)[]] = [[], []];
  const note = (incoming: IncomingMessage): void => {
    asked.push(`${incoming.method} ${incoming.url}`);
    credentials.push(incoming.headers['proxy-authorization']);
  };
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    note(incoming);
    const { pathname, search } = new URL(incoming.url ?? '');
    const { headers } = incoming;
    const onward = request(`http://${target}${pathname}${search}`, { headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    onward.end();
  });
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    note(incoming);
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    join(socket, target);
  });
  return await listening(server, asked, credentials, () => server.closeAllConnections());
}

/** RFC 1928 with the user and password of RFC 1929, or without. */
export async function startSocksProxy(target: string): Promise<TestProxy> {
  const [asked, credentials]: [string[], (string | undefined)[]] = [[], []];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    void greet(socket).then(({ user, address }) => {
      credentials.push(user);
      asked.push(`SOCKS ${address}`);
      join(socket, target);
    });
  });
  return await listening(server, asked, credentials, () => {
    for (const socket of sockets) socket.destroy();
  });
}

async function greet(socket: Socket): Promise<{ user: string | undefined; address: string }> {
  const next = async (): Promise<Buffer> => ((await once(socket, 'data')) as [Buffer])[0];
  const hello = await next();
  let user: string | undefined;
  if (hello.subarray(2).includes(2)) {
    socket.write(Buffer.from([5, 2]));
    const login = await next();
    const length = login[1] ?? 0;
    user = `${login.subarray(2, 2 + length)}:${login.subarray(3 + length)}`;
    socket.write(Buffer.from([1, 0]));
  } else {
    socket.write(Buffer.from([5, 0]));
  }
  const wanted = await next();
  // Type 3: a name, so that the proxy resolves it.
  const host = wanted[3] === 3 ? wanted.subarray(5, 5 + (wanted[4] ?? 0)).toString() : `type ${wanted[3]}`;
  const address = `${host}:${wanted.readUInt16BE(wanted.length - 2)}`;
  socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
  return { user, address };
}

function join(socket: Socket, target: string): void {
  const [host, port] = target.split(':');
  const onward = connect(Number(port), host);
  for (const end of [socket, onward])
    end.on('error', () => void [socket, onward].map((each) => each.destroy()));
  socket.pipe(onward).pipe(socket);
}

async function listening(
  server: Server | TcpServer,
  asked: string[],
  credentials: (string | undefined)[],
  hangUp: () => void,
): Promise<TestProxy> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    hangUp();
    server.close();
    await once(server, 'close');
  };
  return { port: (server.address() as AddressInfo).port, asked, credentials, stop };
}

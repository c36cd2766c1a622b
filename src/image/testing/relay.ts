/** A TCP relay on loopback before a server of a test's: where it leads can be changed, and it can break connections. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type RelayMode = 'relay' | 'reset';

export class Relay {
  mode: RelayMode = 'relay';
  /** `127.0.0.1:port`. */
  target: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.target = target;
    server.on('connection', (socket: Socket) => this.#join(socket));
  }

  static async start(target: string): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends the connections that are there. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.mode === 'reset') {
      socket.once('data', () => socket.resetAndDestroy());
      return;
    }
    this.#sockets.add(socket);
    const [host, port] = this.target.split(':');
    const onward = connect(Number(port), host);
    onward.on('error', () => socket.destroy());
    onward.once('close', () => socket.destroy());
    socket.once('close', () => {
      this.#sockets.delete(socket);
      onward.destroy();
    });
    socket.pipe(onward).pipe(socket);
  }
}

import { eventually } from '../../harness/index.ts';
import type { Channels, Transport } from './channels.ts';
import { podPath } from './cluster.ts';
import type { KubeletNode } from './node.ts';
import { SpdyClient } from './spdy-client.ts';
import type { Pod } from './types.ts';
import { WebSocketClient } from './websocket-client.ts';

/** Connections to a pod's ports through the kubelet's server, each a pair of channels: data, and what went wrong. */
export class PortForwarding {
  readonly #channels: Channels;
  readonly #received = new Map<number, Buffer[]>();
  #next = 0;

  private constructor(channels: Channels, portPrefixes: number) {
    this.#channels = channels;
    const heads = new Set(Array.from({ length: portPrefixes }, (_, number) => number));
    channels.onData((number, bytes) => {
      // Over WebSocket each channel starts with its port, in two bytes.
      const rest = heads.delete(number) ? bytes.subarray(2) : bytes;
      this.#received.set(number, [...(this.#received.get(number) ?? []), Buffer.from(rest)]);
    });
  }

  /** Over WebSocket all ports are named at once, one connection each; over SPDY `connect` opens as many as one likes. */
  static async open(
    node: KubeletNode,
    { metadata }: Pod,
    transport: Transport,
    ports: readonly number[],
  ): Promise<PortForwarding> {
    const url = new URL(`${node.kubelet.api.base}/portForward/${metadata.namespace}/${metadata.name}`);
    if (transport === 'websocket') {
      for (const port of ports) url.searchParams.append('port', String(port));
      return new PortForwarding(await WebSocketClient.connect(url, ['v4.channel.k8s.io']), 2 * ports.length);
    }
    return new PortForwarding(await SpdyClient.connect(url, ['portforward.k8s.io']), 0);
  }

  /** As kubectl asks the API server: SPDY, by itself or within WebSocket messages; `connect` opens as many as one likes. */
  static async throughApiServer(
    node: KubeletNode,
    pod: Pod,
    transport: Transport,
    ports: readonly number[],
  ): Promise<PortForwarding> {
    const { base, headers } = node.controlPlane.client;
    const url = new URL(`${base}${podPath(pod)}/portforward`);
    for (const port of ports) url.searchParams.append('ports', String(port));
    const client =
      transport === 'websocket'
        ? await SpdyClient.tunnel(url, 'SPDY/3.1+portforward.k8s.io', headers)
        : await SpdyClient.connect(url, ['portforward.k8s.io'], headers);
    return new PortForwarding(client, 0);
  }

  /** The number of the connection; over WebSocket that of a port in the list it was opened with. */
  async connect(port: number): Promise<number> {
    const connection = this.#next;
    this.#next += 1;
    if (this.#channels instanceof SpdyClient) {
      const common = { port: String(port), requestid: String(connection) };
      await this.#channels.open(2 * connection + 1, { streamtype: 'error', ...common });
      this.#channels.end(2 * connection + 1);
      await this.#channels.open(2 * connection, { streamtype: 'data', ...common });
    }
    return connection;
  }

  send(connection: number, text: string): void {
    this.#channels.send(2 * connection, Buffer.from(text));
  }

  received(connection: number): string {
    return this.#text(2 * connection);
  }

  error(connection: number): string {
    return this.#text(2 * connection + 1);
  }

  async sees(connection: number, pattern: RegExp, seconds = 10): Promise<string> {
    return await eventually(
      () => this.received(connection),
      (text) => pattern.test(text),
      seconds,
    );
  }

  close(): void {
    this.#channels.close();
  }

  get closed(): Promise<void> {
    return this.#channels.closed;
  }

  #text(number: number): string {
    return Buffer.concat(this.#received.get(number) ?? []).toString();
  }
}

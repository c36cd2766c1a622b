import { eventually } from '../../harness/index.ts';
import { type Channels, channel, type Headers, type Transport } from './channels.ts';
import { podPath } from './cluster.ts';
import type { KubeletNode } from './node.ts';
import { SpdyClient } from './spdy-client.ts';
import type { Pod } from './types.ts';
import { WebSocketClient } from './websocket-client.ts';

export interface RemoteCommandOptions {
  readonly container?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly transport?: Transport;
  /** Whose server is asked; the kubelet's where nothing is said. The kubelet must listen on the node's address. */
  readonly through?: 'kubelet' | 'api-server';
}

/** A metav1.Status as it comes over the error channel. */
interface Status {
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason: string; readonly message: string }[] };
}

/** An exec or attach through the kubelet's server; its output gathers in `stdout` and `stderr`. */
export class RemoteCommand {
  readonly #channels: Channels;
  readonly #received = new Map<number, Buffer[]>();

  private constructor(channels: Channels) {
    this.#channels = channels;
    channels.onData((number, bytes) => {
      const all = this.#received.get(number) ?? [];
      all.push(Buffer.from(bytes));
      this.#received.set(number, all);
    });
  }

  static async open(url: URL, options: RemoteCommandOptions, headers: Headers = {}): Promise<RemoteCommand> {
    if (options.transport === 'websocket')
      return new RemoteCommand(await WebSocketClient.connect(url, ['v5.channel.k8s.io'], headers));
    const client = await SpdyClient.connect(url, ['v4.channel.k8s.io'], headers);
    const command = new RemoteCommand(client);
    await client.open(channel.error, { streamtype: 'error' });
    if (options.stdin === true) await client.open(channel.stdin, { streamtype: 'stdin' });
    await client.open(channel.stdout, { streamtype: 'stdout' });
    if (options.tty === true) await client.open(channel.resize, { streamtype: 'resize' });
    else await client.open(channel.stderr, { streamtype: 'stderr' });
    return command;
  }

  get stdout(): string {
    return this.#text(channel.stdout);
  }

  get stderr(): string {
    return this.#text(channel.stderr);
  }

  write(text: string): void {
    this.#channels.send(channel.stdin, Buffer.from(text));
  }

  closeStdin(): void {
    this.#channels.end(channel.stdin);
  }

  resize(columns: number, rows: number): void {
    this.#channels.send(channel.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  }

  /** Waits until standard output matches. */
  async sees(pattern: RegExp, seconds = 10): Promise<string> {
    return await eventually(
      () => this.stdout,
      (text) => pattern.test(text),
      seconds,
    );
  }

  /** Waits for the command's end: its exit code, from the error channel. @throws with the message of another failure. */
  async exitCode(): Promise<number> {
    await this.#channels.closed;
    const text = this.#text(channel.error);
    if (text === '')
      throw new Error(`closed without a status; stdout: ${this.stdout}, stderr: ${this.stderr}`);
    const status = JSON.parse(text) as Status;
    if (status.status === 'Success') return 0;
    const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
    if (status.reason !== 'NonZeroExitCode' || cause === undefined) throw new Error(text);
    return Number(cause.message);
  }

  close(): void {
    this.#channels.close();
  }

  cut(): void {
    this.#channels.cut();
  }

  #text(number: number): string {
    return Buffer.concat(this.#received.get(number) ?? []).toString();
  }
}

/** Starts a command in a container of a pod. */
export async function execIn(
  node: KubeletNode,
  pod: Pod,
  command: readonly string[],
  options: RemoteCommandOptions = {},
): Promise<RemoteCommand> {
  return await RemoteCommand.open(
    remoteUrl(node, 'exec', pod, options, command),
    options,
    headersFor(node, options),
  );
}

/** The output and exit code of a command that reads nothing. */
export async function run(
  node: KubeletNode,
  pod: Pod,
  script: string,
  options: RemoteCommandOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = await execIn(node, pod, ['sh', '-c', script], options);
  const code = await command.exitCode();
  return { code, stdout: command.stdout.trim(), stderr: command.stderr.trim() };
}

/** The output of a command that must succeed. @throws with what it said otherwise. */
export async function output(
  node: KubeletNode,
  pod: Pod,
  script: string,
  options: RemoteCommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(node, pod, script, options);
  if (code !== 0 || stderr !== '') throw new Error(`${script}: ${code}, ${stdout}, ${stderr}`);
  return stdout;
}

/** Joins the output, and if asked for the input, of a container's own process. */
export async function attachTo(
  node: KubeletNode,
  pod: Pod,
  options: RemoteCommandOptions = {},
): Promise<RemoteCommand> {
  return await RemoteCommand.open(
    remoteUrl(node, 'attach', pod, options, []),
    options,
    headersFor(node, options),
  );
}

function headersFor(node: KubeletNode, { through }: RemoteCommandOptions): Headers {
  return through === 'api-server' ? node.controlPlane.client.headers : {};
}

function remoteUrl(
  node: KubeletNode,
  verb: 'exec' | 'attach',
  pod: Pod,
  options: RemoteCommandOptions,
  command: readonly string[],
): URL {
  const { container = 'main', stdin = false, tty = false, through = 'kubelet' } = options;
  const { metadata } = pod;
  const isKubelet = through === 'kubelet';
  const url = isKubelet
    ? new URL(`${node.kubelet.api.base}/${verb}/${metadata.namespace}/${metadata.name}/${container}`)
    : new URL(`${node.controlPlane.client.base}${podPath(pod)}/${verb}?container=${container}`);
  const names = isKubelet ? { stdin: 'input', stdout: 'output', stderr: 'error' } : standardNames;
  const { searchParams } = url;
  for (const word of command) searchParams.append('command', word);
  if (stdin) searchParams.set(names.stdin, '1');
  searchParams.set(names.stdout, '1');
  searchParams.set(tty ? 'tty' : names.stderr, '1');
  return url;
}

const standardNames = { stdin: 'stdin', stdout: 'stdout', stderr: 'stderr' } as const;

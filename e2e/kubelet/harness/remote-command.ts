import { eventually } from '../../harness/index.ts';
import { type Channels, channel, type Transport } from './channels.ts';
import type { KubeletNode } from './node.ts';
import { SpdyClient } from './spdy-client.ts';
import type { Pod } from './types.ts';
import { WebSocketClient } from './websocket-client.ts';

export interface RemoteCommandOptions {
  readonly container?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly transport?: Transport;
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

  static async open(url: URL, options: RemoteCommandOptions): Promise<RemoteCommand> {
    if (options.transport === 'websocket')
      return new RemoteCommand(await WebSocketClient.connect(url, ['v5.channel.k8s.io']));
    const client = await SpdyClient.connect(url, ['v4.channel.k8s.io']);
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
  return await RemoteCommand.open(remoteUrl(node, 'exec', pod, options, command), options);
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
  return await RemoteCommand.open(remoteUrl(node, 'attach', pod, options, []), options);
}

function remoteUrl(
  node: KubeletNode,
  verb: 'exec' | 'attach',
  { metadata }: Pod,
  options: RemoteCommandOptions,
  command: readonly string[],
): URL {
  const { container = 'main', stdin = false, tty = false } = options;
  const url = new URL(`${node.kubelet.api.base}/${verb}/${metadata.namespace}/${metadata.name}/${container}`);
  const { searchParams } = url;
  for (const word of command) searchParams.append('command', word);
  if (stdin) searchParams.set('input', '1');
  searchParams.set('output', '1');
  searchParams.set(tty ? 'tty' : 'error', '1');
  return url;
}

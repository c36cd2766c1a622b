/**
 * A blob over plain HTTP, up to its first body byte: from there the socket itself can be read by another process, and no
 * byte of the blob passes through this one. Mirrors on the node or in the cluster speak plain HTTP, and layers are large.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { version } from '../../base/index.ts';
import { hostName, portOf } from './host.ts';

export interface DirectRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes that the body must have. */
  readonly size: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const HEAD_LIMIT = 16 << 10;

/**
 * Positioned at the body, which ends with the connection; undefined when the answer is anything but 200 with a plain body
 * of the right size (a redirect, a challenge …), or none: the ordinary way then deals with it.
 */
export async function openDirect(request: DirectRequest): Promise<Socket | undefined> {
  const { url, signal, timeoutMs, size } = request;
  if (signal.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const head = new HeadReader(resolve);
  // One byte at a time, since whatever is read here would be missing there; a head has a few hundred.
  const options: NetConnectOpts = {
    host: hostName(url.host).replace(/^\[|\]$/g, ''),
    port: Number(portOf(url.host)) || 80,
    onread: { buffer: Buffer.alloc(1), callback: (_count, buffer) => head.take(buffer[0] ?? 0) },
  };
  const socket = connect(options);
  const giveUp = (): void => resolve(undefined);
  const timer = setTimeout(giveUp, timeoutMs);
  socket.on('error', giveUp).once('end', giveUp).once('close', giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  socket.write(requestHead(request));
  const answer = await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', giveUp);
  if (answer !== undefined && isWholeBody(answer, size)) return socket;
  socket.destroy();
  return undefined;
}

class HeadReader {
  readonly #done: (head: string | undefined) => void;
  #text = '';

  constructor(done: (head: string | undefined) => void) {
    this.#done = done;
  }

  /** False: read no further. */
  take(byte: number): boolean {
    this.#text += String.fromCharCode(byte);
    if (this.#text.endsWith('\r\n\r\n')) this.#done(this.#text);
    else if (this.#text.length > HEAD_LIMIT) this.#done(undefined);
    else return true;
    return false;
  }
}

function requestHead({ url, headers }: DirectRequest): string {
  const fields: Record<string, string | readonly string[]> = {
    host: url.host,
    'user-agent': `gantry/${version}`,
    ...headers,
    'accept-encoding': 'identity',
    connection: 'close',
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one.replace(/[\r\n\0]/g, '')}`),
  );
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

function isWholeBody(head: string, size: number): boolean {
  const [status = '', ...lines] = head.split('\r\n');
  const fields = new Map(
    lines.map((line) => [line.split(':', 1)[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const plain =
    !fields.has('transfer-encoding') && ['identity', undefined].includes(fields.get('content-encoding'));
  return /^HTTP\/1\.[01] 200\b/.test(status) && plain && fields.get('content-length') === String(size);
}

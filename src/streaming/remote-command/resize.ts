import type { Readable } from 'node:stream';
import type { TerminalSize } from '../types.ts';

/** One message is a small JSON object, `{"Width":80,"Height":24}`; a client sends them back to back. */
const maxMessage = 1024;

/** Hands on each terminal size that arrives on a resize stream; what is not one is passed over. */
export async function readSizes(stream: Readable, listener: (size: TerminalSize) => void): Promise<void> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      const size = parseSize(text.slice(0, end + 1));
      if (size !== undefined) listener(size);
      text = text.slice(end + 1);
    }
    if (text.length > maxMessage) text = '';
  }
}

export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    const valid = (n: unknown): n is number => Number.isInteger(n) && Number(n) > 0 && Number(n) <= 0xffff;
    return valid(Width) && valid(Height) ? { rows: Height, columns: Width } : undefined;
  } catch {
    return undefined;
  }
}

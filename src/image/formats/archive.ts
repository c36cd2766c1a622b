/**
 * A tar file with images in it: read once for its documents and for where everything else is; layers are then read from
 * their places, several at once, never held.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { posix } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { type Extract, extract } from 'tar-stream';
import { describeError, GantryError } from '../../base/index.ts';

/** One member: where it is, and its bytes if it is a document. */
export interface Member {
  /** Byte offset in the archive. */
  readonly start: number;
  readonly size: number;
  readonly document: Buffer | undefined;
}

export interface ArchiveContents {
  /** By path, links followed (`docker save` used to share layers by symbolic links); undefined when absent. */
  find(path: string): Member | undefined;
}

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

const DOCUMENT_LIMIT = 8 << 20;
const DOCUMENTS_LIMIT = 256 << 20;
const READ_SIZE = 1 << 20;
/** A tar header block; what `offset` points at. */
const HEADER_SIZE = 512;

export async function scanArchive(file: string, signal: AbortSignal): Promise<ArchiveContents> {
  await refuseCompressed(file);
  const members = new Map<string, Member>();
  const links = new Map<string, string>();
  let kept = 0;
  for await (const entry of entriesOf(file, signal)) {
    const path = normalize(entry.header.name);
    if (entry.header.type === 'symlink')
      links.set(path, posix.join(posix.dirname(path), entry.header.linkname ?? ''));
    if (entry.header.type === 'link') links.set(path, normalize(entry.header.linkname ?? ''));
    if (entry.header.type !== 'file') continue;
    const size = entry.header.size ?? 0;
    const document =
      size <= DOCUMENT_LIMIT && kept <= DOCUMENTS_LIMIT ? await readDocument(entry) : undefined;
    kept += document?.length ?? 0;
    members.set(path, { start: entry.offset + HEADER_SIZE, size, document });
  }
  return {
    find(path) {
      let at = normalize(path);
      for (let hops = 0; hops < 8 && links.has(at) && !members.has(at); hops++) at = links.get(at) ?? at;
      return members.get(at);
    },
  };
}

/** A member's bytes. */
export function readMember(file: string, member: Member, signal: AbortSignal): Readable {
  if (member.size === 0) return Readable.from([]);
  const end = member.start + member.size - 1;
  return createReadStream(file, { start: member.start, end, highWaterMark: READ_SIZE, signal });
}

async function* entriesOf(file: string, signal: AbortSignal): AsyncGenerator<Entry> {
  const extractor = extract();
  // Its outcome is the iteration's: pipeline destroys the extractor with the error.
  pipeline(createReadStream(file, { highWaterMark: READ_SIZE, signal }), extractor, () => undefined);
  try {
    for await (const entry of extractor) {
      yield entry;
      entry.resume();
    }
  } catch (cause) {
    if (cause instanceof GantryError) throw cause;
    throw new GantryError({
      code: signal.aborted ? 'cancelled' : 'invalid-argument',
      operation: 'read archive',
      subject: file,
      message: signal.aborted
        ? `reading ${file} was cancelled`
        : `${file} is no readable tar archive: ${describeError(cause)}`,
      cause,
    });
  }
}

/** JSON only: whatever begins otherwise is a layer, or nothing of ours. */
async function readDocument(entry: Entry): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let wanted = true;
  for await (const part of entry) {
    const chunk = part as Buffer;
    if (chunks.length === 0) wanted = /^\s*[{[]/.test(chunk.subarray(0, 64).toString('latin1'));
    if (wanted) chunks.push(chunk);
  }
  return wanted && chunks.length > 0 ? Buffer.concat(chunks) : undefined;
}

/** Compressed bytes are for the converter alone; the archive around the layers must be plain. */
async function refuseCompressed(file: string): Promise<void> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    const message = `cannot open ${file}: ${describeError(cause)}`;
    throw new GantryError({ code: 'not-found', operation: 'read archive', subject: file, message, cause });
  });
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const compression =
      buffer.readUInt16BE(0) === 0x1f8b ? 'gzip' : buffer.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : '';
    if (compression === '') return;
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'read archive',
      subject: file,
      message: `${file} is compressed with ${compression}; uncompress it first (${compression === 'gzip' ? 'gunzip' : 'unzstd'})`,
    });
  } finally {
    await handle.close();
  }
}

function normalize(path: string): string {
  return posix.normalize(path).replace(/^\/+/, '');
}

import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import type { Entry, Tree } from './tree.ts';

export type Compression = 'gzip' | 'zstd' | 'none';

export interface Layer {
  readonly mediaType: string;
  readonly blob: Buffer;
  /** Of the blob as it is sent. */
  readonly digest: string;
  /** Of the tar in it. */
  readonly diffId: string;
}

const mediaTypes: Readonly<Record<Compression, string>> = {
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  none: 'application/vnd.oci.image.layer.v1.tar',
};

/** One time for everything, so that the same tree always makes the same bytes. */
const epoch = new Date('2026-01-01T00:00:00Z');

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export async function makeLayer(tree: Tree, compression: Compression = 'gzip'): Promise<Layer> {
  return layerOfTar(await tarOf(tree), compression);
}

export function layerOfTar(tar: Buffer, compression: Compression): Layer {
  const blob = compress(tar, compression);
  return { mediaType: mediaTypes[compression], blob, digest: sha256(blob), diffId: sha256(tar) };
}

function compress(tar: Buffer, compression: Compression): Buffer {
  if (compression === 'gzip') return gzipSync(tar, { level: 6 });
  return compression === 'zstd' ? zstdCompressSync(tar) : tar;
}

async function tarOf(tree: Tree): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const read = (async () => {
    for await (const chunk of archive) chunks.push(chunk as Buffer);
  })();
  for (const [name, entry] of tree.entries) {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve());
      if (entry.kind === 'file') archive.entry(header(name, entry), entry.content, done);
      else archive.entry(header(name, entry), done);
    });
  }
  archive.finalize();
  await read;
  return Buffer.concat(chunks);
}

function header(name: string, entry: Entry): Partial<Header> & Pick<Header, 'name'> {
  const common = { mtime: epoch, uid: entry.uid ?? 0, gid: entry.gid ?? 0, mode: entry.mode ?? 0o777 };
  switch (entry.kind) {
    case 'directory':
      return { ...common, name: `${name}/`, type: 'directory' };
    case 'file':
      return { ...common, name, type: 'file', size: entry.content.length };
    case 'symlink':
      return { ...common, name, type: 'symlink', linkname: entry.target };
    case 'hardlink':
      return { ...common, name, type: 'link', linkname: entry.target };
  }
}

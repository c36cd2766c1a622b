import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { pack } from 'tar-stream';

export const imageName = 'quickstart.local/hello:1';

const source = fileURLToPath(new URL('hello.c', import.meta.url));
const mediaType = (what: string): string => `application/vnd.oci.image.${what}`;

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

/**
 * Compiles the program beside this file, and packs it with a password file into an OCI image layout in a tar file, the
 * kind that `skopeo copy … oci-archive:` writes. Returns the archive's path.
 */
export async function makeImage(directory: string): Promise<string> {
  const program = join(directory, 'hello');
  execFileSync('g++', ['-x', 'c', '-static', '-O2', '-s', '-o', program, source], { stdio: 'inherit' });
  const tar = await tarOf([
    { name: 'hello', content: readFileSync(program), mode: 0o755 },
    {
      name: 'etc/passwd',
      content: 'root:x:0:0:root:/:/hello\nhello:x:1000:1000:hello:/:/hello\n',
      mode: 0o644,
    },
  ]);
  const layer = blob('layer.v1.tar', tar);
  const config = blob('config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: ['/hello'], User: 'hello', Env: ['PATH=/'], ExposedPorts: { '8080/tcp': {} } },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifest = blob('manifest.v1+json', {
    schemaVersion: 2,
    mediaType: mediaType('manifest.v1+json'),
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  const file = join(directory, 'hello.tar');
  await writeLayout(file, manifest, [config, layer]);
  return file;
}

function blob(kind: string, content: Buffer | object): Blob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { mediaType: mediaType(kind), digest, size: bytes.length, bytes };
}

function descriptor({ mediaType, digest, size }: Blob): object {
  return { mediaType, digest, size };
}

/** OCI image-spec, image-layout.md; the name is where docker and containerd look for it. */
async function writeLayout(file: string, manifest: Blob, blobs: readonly Blob[]): Promise<void> {
  const annotations = { 'io.containerd.image.name': imageName, 'org.opencontainers.image.ref.name': '1' };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor(manifest), annotations }] };
  const files = [
    { name: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }), mode: 0o644 },
    { name: 'index.json', content: JSON.stringify(index), mode: 0o644 },
    ...[manifest, ...blobs].map(({ digest, bytes }) => ({
      name: `blobs/${digest.replace(':', '/')}`,
      content: bytes,
      mode: 0o644,
    })),
  ];
  const archive = pack();
  for (const { name, content, mode } of files) archive.entry({ name, mode }, content);
  archive.finalize();
  await pipeline(archive, createWriteStream(file));
}

async function tarOf(
  files: readonly { name: string; content: string | Buffer; mode: number }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { name, content, mode } of files) archive.entry({ name, mode }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** OCI image layout (image-spec, image-layout.md), as an archive's contents. */
import { GantryError } from '../../base/index.ts';
import { verifiedDigest } from '../digest.ts';
import { type Platform, platformRank } from '../platform.ts';
import type { ArchiveContents } from './archive.ts';
import { parseImageConfig } from './image-config.ts';
import { choosePlatform, type Descriptor, parseManifest } from './manifest.ts';
import type { ArchivedImage } from './plan.ts';

const INDEX_DEPTH = 4;

export function isOciLayout(contents: ArchiveContents): boolean {
  return contents.find('oci-layout') !== undefined && contents.find('index.json') !== undefined;
}

/** Every image of the layout that runs on `platform`. */
export function planOciLayout(contents: ArchiveContents, platform: Platform): ArchivedImage[] {
  const index = parseManifest(
    documentAt(contents, 'index.json'),
    'application/vnd.oci.image.index.v1+json',
    'index.json',
  );
  if (index.kind !== 'index') throw broken('index.json', 'is no index');
  return chooseEntries(index.manifests, platform).map((entry) => planEntry(contents, entry, platform));
}

/** Entries of one name are platforms of one image; entries without a name are images of their own. */
function chooseEntries(entries: readonly Descriptor[], platform: Platform): Descriptor[] {
  const groups = Map.groupBy(entries, (entry) => nameOf(entry) ?? entry.digest);
  return [...groups.values()].flatMap((group) => {
    const runnable = group.filter(
      (e) => e.platform === undefined || platformRank(platform, e.platform) !== undefined,
    );
    if (runnable.length === 0 && groups.size > 1) return [];
    return [choosePlatform({ kind: 'index', mediaType: '', manifests: group }, platform, 'index.json')];
  });
}

function planEntry(contents: ArchiveContents, entry: Descriptor, platform: Platform): ArchivedImage {
  const targets: string[] = [];
  let at = entry;
  for (let depth = 0; depth < INDEX_DEPTH; depth++) {
    const bytes = blob(contents, at);
    targets.push(at.digest);
    const manifest = parseManifest(bytes, at.mediaType, at.digest);
    if (manifest.kind === 'index') {
      at = choosePlatform(manifest, platform, at.digest);
      continue;
    }
    const config = blob(contents, manifest.config);
    const parsed = parseImageConfig(config, manifest.config.digest);
    if (parsed.diffIds.length !== manifest.layers.length)
      throw broken(at.digest, 'layers and diff IDs differ in number');
    const layers = manifest.layers.map(({ digest, size }, i) => {
      const member = contents.find(blobPath(digest));
      if (member === undefined) throw broken(digest, 'is missing');
      if (member.size !== size)
        throw broken(blobPath(digest), `has ${member.size} bytes where its descriptor says ${size}`);
      return { diffId: parsed.diffIds[i] ?? '', path: blobPath(digest), member, digest };
    });
    const name = nameOf(entry);
    const names = name === undefined ? [] : [name];
    return {
      id: manifest.config.digest,
      parsed,
      config,
      manifest: bytes,
      targets,
      names,
      digest: entry.digest,
      layers,
    };
  }
  throw broken(entry.digest, `indexes are nested more than ${INDEX_DEPTH} deep`);
}

/** containerd's annotation is a whole reference; the specification's may be a tag alone, which names nothing. */
function nameOf(entry: Descriptor): string | undefined {
  const whole = entry.annotations['io.containerd.image.name'];
  if (whole) return whole;
  const name = entry.annotations['org.opencontainers.image.ref.name'];
  return name && /[/:]/.test(name) ? name : undefined;
}

function blob(contents: ArchiveContents, { digest, size }: Descriptor): Buffer {
  const bytes = documentAt(contents, blobPath(digest));
  verifiedDigest(bytes, digest, blobPath(digest));
  if (bytes.length !== size)
    throw broken(blobPath(digest), `has ${bytes.length} bytes where its descriptor says ${size}`);
  return bytes;
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function documentAt(contents: ArchiveContents, path: string): Buffer {
  const document = contents.find(path)?.document;
  if (document === undefined) throw broken(path, 'is missing, or no JSON');
  return document;
}

function broken(subject: string, why: string): GantryError {
  const message = `the OCI layout is broken: ${subject} ${why}`;
  return new GantryError({ code: 'data-loss', operation: 'read OCI layout', subject, message });
}

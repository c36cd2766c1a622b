/** A pull, in named steps: resolve, choose the platform, configuration, layers, announce. */
import { GantryError } from '../base/index.ts';
import { announce, announceNames, type Names } from './announce.ts';
import { fetchLayers, type WantedLayer } from './fetch-layers.ts';
import {
  choosePlatform,
  type ImageManifest,
  type ParsedConfig,
  parseImageConfig,
  parseManifest,
} from './formats/index.ts';
import { collectLayers } from './gc.ts';
import type { StoredLayer } from './layers/index.ts';
import type { ImageParts } from './parts.ts';
import { formatReference, nameOf, type Reference } from './reference.ts';
import { loadHosts, RegistrySession, relax } from './registry/index.ts';
import { completeStack } from './stack.ts';
import type { ImageRecord, PullOptions } from './types.ts';

/** An index in an index in an index: nobody needs more. */
const INDEX_DEPTH = 4;
/** Layers that other processes' garbage collection took away under a pull. */
const ANNOUNCE_ATTEMPTS = 3;

export async function pullImage(
  parts: ImageParts,
  reference: Reference,
  options: PullOptions,
): Promise<ImageRecord> {
  const session = openSession(parts, reference, options);
  const resolved = await resolve(parts, session, reference, options.signal);
  const names = namesOf(reference, resolved.digests[0] ?? '');
  if (resolved.known !== undefined) {
    const image = await announceNames(parts, resolved.known.id, resolved.digests, names);
    if (image !== undefined) return image;
    return await pullImage(parts, reference, options);
  }
  return await fetchImage(parts, session, resolved, names, options.signal);
}

function openSession(
  { settings, http, tokens, log }: ImageParts,
  reference: Reference,
  options: PullOptions,
): RegistrySession {
  const hosts = loadHosts(settings.registriesDir, reference.host).map((host) =>
    relax(host, settings.insecure),
  );
  return new RegistrySession({ http, tokens, hosts, reference, auth: options.auth, log });
}

interface Resolved {
  /** What was asked for first (an index, if there is one), the image's manifest last. */
  readonly digests: readonly string[];
  /** An image that is here already; the registry was asked all the same, since it decides who may have it. */
  readonly known: ImageRecord | undefined;
  readonly manifest: ImageManifest;
  readonly bytes: Buffer;
}

async function resolve(
  { images, platform }: ImageParts,
  session: RegistrySession,
  reference: Reference,
  signal: AbortSignal,
): Promise<Resolved> {
  const subject = formatReference(reference);
  const digests: string[] = [];
  let target: { tag?: string; digest?: string; size?: number } =
    reference.digest === undefined ? { tag: reference.tag ?? 'latest' } : { digest: reference.digest };
  for (let depth = 0; depth < INDEX_DEPTH; depth++) {
    const document = await session.manifest(target, signal);
    digests.push(document.digest);
    const manifest = parseManifest(document.bytes, document.mediaType, subject);
    if (manifest.kind === 'manifest') {
      return { digests, known: images.byTarget(document.digest), manifest, bytes: document.bytes };
    }
    const { digest, size } = choosePlatform(manifest, platform, subject);
    target = { digest, size };
  }
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'resolve image',
    subject,
    message: `${subject}: indexes are nested more than ${INDEX_DEPTH} deep`,
  });
}

async function fetchImage(
  parts: ImageParts,
  session: RegistrySession,
  { manifest, bytes, digests }: Resolved,
  names: Names,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const config = await session.blob(manifest.config.digest, manifest.config.size, signal);
  const parsed = parseImageConfig(config, manifest.config.digest);
  const wanted = matchLayers(manifest, parsed);
  const size = wanted.reduce((sum, { descriptor }) => sum + descriptor.size, config.length);
  // Under the lock: a collection that has looked already ends first, and takes nothing that is found to be there below.
  const release = await parts.lock.run(() =>
    parts.wanted.want(parsed.diffIds.map((diffId) => parts.layers.keyFor(diffId))),
  );
  let failed = false;
  try {
    for (let attempt = 0; attempt < ANNOUNCE_ATTEMPTS; attempt++) {
      const own = await fetchLayers(parts, session, wanted, signal);
      const layers = await completeUnlessGone(parts, own, signal);
      if (layers === undefined) continue;
      const fresh = {
        id: manifest.config.digest,
        parsed,
        layers,
        size,
        targets: digests,
        manifest: bytes,
        config,
      };
      const image = await announce(parts, fresh, names);
      if (image !== undefined) return image;
    }
    throw new GantryError({
      code: 'unavailable',
      operation: 'pull',
      message: 'its layers were removed by another process while it was pulled; try again',
    });
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    release();
    // A failed pull leaves nothing behind.
    if (failed) await parts.lock.run(() => collectLayers({ ...parts, wanted: parts.wanted.keys() }));
  }
}

/** Undefined when a layer went meanwhile (another process's garbage collection). */
async function completeUnlessGone(
  parts: ImageParts,
  own: readonly StoredLayer[],
  signal: AbortSignal,
): Promise<readonly StoredLayer[] | undefined> {
  try {
    return await completeStack(parts, own, signal);
  } catch (error) {
    if (own.some(({ key }) => parts.layers.get(key) === undefined)) return undefined;
    throw error;
  }
}

/** Layers and diff IDs go together one by one (OCI image-spec, config.md), and the configuration is for Linux. */
function matchLayers(manifest: ImageManifest, { diffIds, config }: ParsedConfig): WantedLayer[] {
  const mismatch = (message: string): GantryError =>
    new GantryError({ code: 'data-loss', operation: 'pull', subject: manifest.config.digest, message });
  if (config.os !== '' && config.os !== 'linux') {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'pull',
      subject: manifest.config.digest,
      message: `the image is for ${config.os}, not for linux`,
    });
  }
  if (diffIds.length !== manifest.layers.length) {
    throw mismatch(
      `malformed image: ${manifest.layers.length} layers, but ${diffIds.length} diff IDs in its configuration`,
    );
  }
  return manifest.layers.map((descriptor, i) => ({ descriptor, diffId: diffIds[i] ?? '' }));
}

function namesOf(reference: Reference, rootDigest: string): Names {
  return {
    tags: reference.digest === undefined ? [formatReference(reference)] : [],
    digests: [`${nameOf(reference)}@${rootDigest}`],
  };
}

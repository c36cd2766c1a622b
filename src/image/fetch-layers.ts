/** The layers of one image, from a registry into the layer store: several at once, each only if it is not there. */
import { describeError, errorCode, GantryError } from '../base/index.ts';
import type { Descriptor } from './formats/index.ts';
import { isBadContent, type StoredLayer } from './layers/index.ts';
import { inParallel } from './parallel.ts';
import type { ImageParts } from './parts.ts';
import {
  type RegistryHost,
  type RegistrySession,
  transferBlob,
  WrongContentError,
} from './registry/index.ts';

export interface WantedLayer {
  readonly diffId: string;
  readonly descriptor: Descriptor;
}

/** Lowest first, as asked for. The first failure stops the others; nothing is half-made when this returns. */
export async function fetchLayers(
  parts: ImageParts,
  session: RegistrySession,
  wanted: readonly WantedLayer[],
  signal: AbortSignal,
): Promise<readonly StoredLayer[]> {
  const distinct = [...new Map(wanted.map((layer) => [layer.diffId, layer])).values()];
  const stored = await inParallel(distinct, parts.settings.pullConcurrency, signal, (layer, either) =>
    fetchLayer(parts, session, layer, either),
  );
  const byDiffId = new Map(stored.map((layer) => [layer.diffId, layer]));
  return wanted.flatMap(({ diffId }) => byDiffId.get(diffId) ?? []);
}

async function fetchLayer(
  parts: ImageParts,
  session: RegistrySession,
  wanted: WantedLayer,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const { layers, flights } = parts;
  for (let attempt = 0; ; attempt++) {
    const present = layers.find(wanted.diffId);
    if (present !== undefined) return present;
    const joined = flights.has(wanted.diffId);
    try {
      return await flights.join(wanted.diffId, signal, (shared) => download(parts, session, wanted, shared));
    } catch (error) {
      // Somebody else's download failed, with their registry and credentials: ours may not.
      if (!joined || signal.aborted || attempt > 0) throw error;
    }
  }
}

async function download(
  parts: ImageParts,
  session: RegistrySession,
  wanted: WantedLayer,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const { size } = wanted.descriptor;
  const direct =
    size >= parts.settings.directLayerBytes
      ? await convertDirectly(parts, session, wanted, signal)
      : undefined;
  return direct ?? (await pump(parts, session, wanted, signal));
}

/**
 * The fast way, where a registry speaks plain HTTP: the converter reads the socket. Undefined where that cannot be done,
 * and where it failed: a broken transfer cannot be resumed, and only the ordinary way can tell who is to blame.
 */
async function convertDirectly(
  { layers, settings, log }: ImageParts,
  session: RegistrySession,
  { diffId, descriptor }: WantedLayer,
  signal: AbortSignal,
): Promise<StoredLayer | undefined> {
  const { digest, size } = descriptor;
  const socket = await session.openDirect(digest, size, signal);
  if (socket === undefined) return undefined;
  const { pullMinimumRate: minimumRate, rateWindowMs: windowMs } = settings;
  try {
    return await layers.add({ diffId, digest, size }, { socket, minimumRate, windowMs }, signal);
  } catch (error) {
    if (signal.aborted || !['data-loss', 'unavailable'].includes(errorCode(error)))
      throw ofLayer(digest, error);
    log.info({ digest, error: describeError(error) }, 'direct transfer failed; trying the ordinary way');
    return undefined;
  }
}

/** From the first endpoint that has the right bytes. */
async function pump(
  parts: ImageParts,
  session: RegistrySession,
  { diffId, descriptor }: WantedLayer,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const { layers, settings, log } = parts;
  const { digest, size } = descriptor;
  const except = new Set<RegistryHost>();
  for (;;) {
    let endpoint: RegistryHost | undefined;
    try {
      return await layers.add(
        { diffId, digest, size },
        async (sink, shared) => {
          const { pullMinimumRate: minimumRate, rateWindowMs: windowMs } = settings;
          const options = { session, digest, size, minimumRate, windowMs, except, signal: shared, log };
          endpoint = (await transferBlob(options, sink)).endpoint;
        },
        signal,
      );
    } catch (error) {
      const wrong =
        error instanceof WrongContentError ? error.endpoint : isBadContent(error) ? endpoint : undefined;
      if (wrong !== undefined) except.add(wrong);
      if (wrong === undefined || !session.hasEndpointsBut(except)) throw ofLayer(digest, error);
      log.warn(
        { digest, host: wrong.host, error: String(error) },
        'wrong layer content; asking the next endpoint',
      );
    }
  }
}

/** The converter knows bytes, not names. */
function ofLayer(digest: string, error: unknown): unknown {
  if (!(error instanceof GantryError) || error.message.includes(digest)) return error;
  return new GantryError({
    code: error.code,
    operation: error.operation,
    subject: digest,
    message: `layer ${digest}: ${error.message}`,
    cause: error,
  });
}

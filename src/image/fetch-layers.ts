/** The layers of one image, from a registry into the layer store: several at once, each only if it is not there. */
import { errorCode, GantryError } from '../base/index.ts';
import type { Descriptor } from './formats/index.ts';
import { checkImplied, isBadContent, type StoredLayer } from './layers/index.ts';
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
  const here: StoredLayer[] = [];
  const stored = await inParallel(distinct, parts.settings.pullConcurrency, signal, async (layer, either) => {
    const fetched = await fetchLayer(parts, session, layer, either);
    // As they come: what all of them together list may be more than there is memory.
    here.push(fetched);
    checkImplied(here);
    return fetched;
  });
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

/** From the first endpoint that has the right bytes. */
async function download(
  parts: ImageParts,
  session: RegistrySession,
  { diffId, descriptor }: WantedLayer,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const { layers, settings, log } = parts;
  const { digest, size, urls } = descriptor;
  const except = new Set<RegistryHost>();
  let worst: unknown;
  for (;;) {
    let endpoint: RegistryHost | undefined;
    try {
      return await layers.add(
        { diffId, digest, size },
        async (sink, shared) => {
          const { pullMinimumRate: minimumRate, rateWindowMs: windowMs } = settings;
          const blob = { digest, size, urls };
          const options = { session, blob, minimumRate, windowMs, except, signal: shared, log };
          endpoint = (await transferBlob(options, sink)).endpoint;
        },
        signal,
      );
    } catch (error) {
      const wrong =
        error instanceof WrongContentError ? error.endpoint : isBadContent(error) ? endpoint : undefined;
      if (wrong !== undefined) except.add(wrong);
      // That nobody else has it says less than that somebody had something else under its name.
      const cause = errorCode(error) === 'not-found' ? (worst ?? error) : error;
      if (wrong === undefined || !session.hasEndpointsBut(except)) throw ofLayer(digest, cause);
      worst = error;
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

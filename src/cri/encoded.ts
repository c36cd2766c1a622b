/**
 * Entries of lists as bytes, kept for as long as their records. Records never change, a new one takes the old one's place, so
 * a list of what has not changed is a concatenation. (A status depends on more than its record, and is encoded each time.)
 */
import { setImmediate } from 'node:timers/promises';
import type { ContainerInit, ImageInit, PodSandboxInit } from '../cri-types/index.ts';
import type { ImageRecord } from '../image/index.ts';
import type { ContainerRecord, SandboxRecord } from '../pod/index.ts';
import { toImage } from './image-service/image-message.ts';
import { toContainer, toPodSandbox } from './status-builders.ts';
import { codec, type Encoded } from './wire.ts';

/** Milliseconds that a list may take before other calls have their turn. */
const turn = 5;
/** Entries between two looks at the clock. */
const stride = 64;

class Entries<Key extends object, Message extends object> {
  readonly #known = new WeakMap<Key, Encoded<Message>>();
  readonly #encode: (record: Key) => Encoded<Message>;

  constructor(encode: (record: Key) => Encoded<Message>) {
    this.#encode = encode;
  }

  of(record: Key): Encoded<Message> {
    const known = this.#known.get(record);
    if (known !== undefined) return known;
    const bytes = this.#encode(record);
    this.#known.set(record, bytes);
    return bytes;
  }

  /** In the same order. Lets other calls have their turns while there is much to encode. */
  async ofAll(records: readonly Key[]): Promise<readonly Encoded<Message>[]> {
    const all: Encoded<Message>[] = [];
    let began = performance.now();
    for (const record of records) {
      all.push(this.of(record));
      if (all.length % stride === 0 && performance.now() - began > turn) {
        await setImmediate();
        began = performance.now();
      }
    }
    return all;
  }
}

const container = codec('Container');
const sandbox = codec('PodSandbox');
const image = codec('Image');

const containers = new Entries<ContainerRecord, ContainerInit>((record) =>
  container.encode(toContainer(record)),
);
const sandboxes = new Entries<SandboxRecord, PodSandboxInit>((record) =>
  sandbox.encode(toPodSandbox(record)),
);
const images = new Entries<ImageRecord, ImageInit>((record) => image.encode(toImage(record, false)));
const pinnedImages = new Entries<ImageRecord, ImageInit>((record) => image.encode(toImage(record, true)));

export const encodedContainers = (records: readonly ContainerRecord[]): Promise<readonly ContainerInit[]> =>
  containers.ofAll(records);

export const encodedSandboxes = (records: readonly SandboxRecord[]): Promise<readonly PodSandboxInit[]> =>
  sandboxes.ofAll(records);

/** @param isPinned by somebody else than its own record */
export function encodedImage(record: ImageRecord, isPinned: boolean): ImageInit {
  return (isPinned ? pinnedImages : images).of(record);
}

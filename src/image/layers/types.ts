/** Where converted layers live. Each implementation passes `layer-store.suite.ts`. */
import type { Writable } from 'node:stream';
import type { LayerMount } from '../../stage1/index.ts';
import type { LayerRef } from '../types.ts';

export interface StoredLayer extends LayerRef {
  /** Version of the converter that made it. */
  readonly converter: string;
  /** What fs-verity measured, where the file system has it. */
  readonly verity?: string;
  /** Directories that its archive does not name, as the converter writes them; absent: none. */
  readonly impliedDirectories?: readonly string[];
  /** Nothing below it in a stack is to be seen. */
  readonly rootOpaque?: boolean;
}

/** What the bytes must turn out to be; whatever is unknown is not checked (an archive names no compressed digest). */
export interface ExpectedLayer {
  readonly diffId?: string;
  /** Of the bytes as they come: compressed. */
  readonly digest?: string;
  readonly size?: number;
}

/** Writes a layer's bytes into `sink` and ends it. May return early, or fail, when the sink closes. */
export type LayerFeed = (sink: Writable, signal: AbortSignal) => Promise<void>;

export interface LayerStore {
  readonly format: LayerMount['format'];
  /** Reads what is there, removes what dead processes began. Idempotent. */
  open(): Promise<void>;
  /** The layer with this diffId as the present converter makes it, if it is whole. */
  find(diffId: string): StoredLayer | undefined;
  /** The key that a layer has, or would have if it were added now. */
  keyFor(diffId: string): string;
  /** By key; undefined when absent, short or without its record. */
  get(key: string): StoredLayer | undefined;
  keys(): readonly string[];
  /** Path of the file, or directory, that is mounted. */
  path(key: string): string;
  /** Converts and keeps a layer. On disk when it returns, except for its name: `sync` makes that durable. */
  add(expected: ExpectedLayer, source: LayerFeed, signal: AbortSignal): Promise<StoredLayer>;
  /** What was added before survives a power cut. */
  sync(): Promise<void>;
  /** Idempotent. A mounted layer stays readable. */
  remove(key: string): Promise<void>;
  /** 'data-loss' unless the content is what was recorded. */
  verify(layer: StoredLayer): Promise<void>;
  mount(key: string, target: string): Promise<void>;
  unmount(target: string): Promise<void>;
  /** Bytes and inodes on disk. */
  usage(): Promise<{ bytes: number; inodes: number }>;
}

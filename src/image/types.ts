/** The image folder's vocabulary: what others see of it. */
import type { LayerMount } from '../stage1/index.ts';

/** Registry credentials of one request (CRI AuthConfig, or `docker login`'s file for the command). */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `user:password`, as in docker's config.json. */
  readonly auth?: string;
  readonly serverAddress?: string;
  /** An OAuth2 refresh token. */
  readonly identityToken?: string;
  /** Sent as the bearer token itself. */
  readonly registryToken?: string;
}

/** What a container needs of an image's configuration (OCI image-spec, config.md), defaults filled in. */
export interface ImageConfig {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly volumes: readonly string[];
  /** Name or number as the image has it; '' when it says nothing. */
  readonly stopSignal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture: string;
  readonly os: string;
  readonly created: string;
}

export interface ImageRecord {
  /** `sha256:…` of the image's config: the same in every API. */
  readonly id: string;
  /** Familiar names are stored in full: `docker.io/library/busybox:latest`. */
  readonly repoTags: readonly string[];
  /** `docker.io/library/busybox@sha256:…`: the manifest's or index's digest as it was asked for. */
  readonly repoDigests: readonly string[];
  /** Bytes: the compressed blobs and the config. */
  readonly size: number;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly LayerRef[];
  /** Never garbage-collected by the kubelet. */
  readonly pinned: boolean;
  readonly pulledAt: bigint;
}

export interface LayerRef {
  /** Digest of the uncompressed tar (OCI image-spec: DiffID). */
  readonly diffId: string;
  /** Digest of the converted file, verified when it is mounted. */
  readonly digest: string;
  /** Its key in the store. */
  readonly key: string;
  /** Bytes of the converted file. */
  readonly size: number;
}

export interface PullOptions {
  readonly auth?: RegistryAuth;
  readonly signal: AbortSignal;
}

export interface FilesystemUsage {
  readonly timestamp: bigint;
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

/**
 * The door of `image/`. Lookups are in memory and synchronous; whatever they return is whole on disk. One instance a
 * root; several processes (server and command) may use one root at once, guarded by the store's lock.
 */
export interface ImageService {
  /** Resolves, fetches, converts and records; joined by concurrent pulls of the same thing. Returns the image's record. */
  pull(reference: string, options: PullOptions): Promise<ImageRecord>;
  /** From an OCI layout or docker archive (a tar file's path). */
  importArchive(file: string, signal: AbortSignal): Promise<ImageRecord[]>;
  list(): readonly ImageRecord[];
  /** By ID (whole, with or without `sha256:`, or a unique prefix), tag or digest reference. Undefined when absent. */
  find(reference: string): ImageRecord | undefined;
  /**
   * Removes a tag or digest reference, and the image with its last one; an ID removes all of its references. Idempotent.
   * Layers that a container still uses stay on disk until it is gone.
   */
  remove(reference: string): Promise<void>;
  usage(): Promise<FilesystemUsage>;
  /**
   * Mounts (once a host) and verifies the layers of all images of a container (its own, its volumes'), which it then uses
   * in place of any before; in the images' order.
   */
  acquireImages(
    images: readonly ImageRecord[],
    containerId: string,
  ): Promise<readonly (readonly LayerMount[])[]>;
  /** Idempotent. A layer that nobody uses any more is unmounted. */
  releaseLayers(containerId: string): Promise<void>;
  /** Start-up: what live containers use is kept, mounts of this state directory that nobody uses are removed. */
  reconcile(users: ReadonlyMap<string, readonly ImageRecord['id'][]>): Promise<void>;
  /** The documents that the image came with, byte for byte; undefined when absent. `manifest` is empty for docker archives. */
  documents(id: string): ImageDocuments | undefined;
  /** Hashes everything that belongs to the image again. What is wrong, a sentence each; empty: it is whole. */
  verify(id: string): Promise<readonly string[]>;
  /** Removes layers that no image, container or pull wants, and records that lost layers. The layers' keys. */
  collectGarbage(): Promise<readonly string[]>;
  /** Ends connections and timers; layers in use stay mounted. */
  close(): Promise<void>;
}

export interface ImageDocuments {
  readonly manifest: Buffer;
  readonly config: Buffer;
}

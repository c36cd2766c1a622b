/** What an archive's format says of one image: which member is which layer. */
import type { Member } from './archive.ts';
import type { ParsedConfig } from './image-config.ts';

export interface ArchivedImage {
  /** `sha256:…` of the configuration. */
  readonly id: string;
  readonly parsed: ParsedConfig;
  readonly config: Buffer;
  /** Empty where the format has none. */
  readonly manifest: Buffer;
  readonly targets: readonly string[];
  /** As the archive gives them, not yet completed. */
  readonly names: readonly string[];
  /** Digest of what the names refer to; '' where there is none. */
  readonly digest: string;
  /** Lowest first. */
  readonly layers: readonly ArchivedLayer[];
}

export interface ArchivedLayer {
  readonly diffId: string;
  /** Path in the archive, for messages. */
  readonly path: string;
  readonly member: Member;
  /** Of the member's bytes, where the format says it. */
  readonly digest: string | undefined;
}

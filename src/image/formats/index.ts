export { type ArchiveContents, readMember, scanArchive } from './archive.ts';
export { dockerTags, isDockerArchive, planDockerArchive } from './docker.ts';
export { chainId, type ParsedConfig, parseImageConfig } from './image-config.ts';
export {
  choosePlatform,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  parseManifest,
} from './manifest.ts';
export { isOciLayout, planOciLayout } from './oci.ts';
export type { ArchivedImage, ArchivedLayer } from './plan.ts';

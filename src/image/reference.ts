/**
 * Image references, as docker and the OCI distribution-spec write them: `[host[:port]/]name[:tag][@digest]`. Familiar
 * names are completed the way that every docker user knows: `busybox` is `docker.io/library/busybox:latest`.
 * Grammar: github.com/distribution/reference. Pure.
 */
import { GantryError } from '../base/index.ts';

export interface Reference {
  /** `docker.io`, `registry.example:5000`, `[::1]:5000` */
  readonly host: string;
  /** Path within the registry: `library/busybox`. */
  readonly repository: string;
  /** Undefined when a digest was given: a digest says more than a tag, which is then dropped (as containerd does). */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const pathComponent = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const hostPattern = new RegExp(
  `^(?:${domainComponent}(?:\\.${domainComponent})*|\\[[a-fA-F0-9:.]+\\])(?::[0-9]{1,5})?$`,
);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Longest repository name, host included (distribution/reference: NameTotalLengthMax). */
const NAME_LIMIT = 255;

/** Throws GantryError invalid-argument that names the reference and what is wrong with it. */
export function parseReference(text: string): Reference {
  const invalid = (why: string): GantryError =>
    new GantryError({
      code: 'invalid-argument',
      operation: 'parse image reference',
      subject: text,
      message: `invalid image reference "${text}": ${why}`,
    });
  if (text === '') throw invalid('it is empty');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest)) throw invalid(`"${digest}" is no digest`);

  const { host, remainder } = splitHost(beforeDigest);
  const colon = remainder.indexOf(':');
  const tag = colon < 0 ? undefined : remainder.slice(colon + 1);
  const path = colon < 0 ? remainder : remainder.slice(0, colon);
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(`"${tag}" is no tag`);
  if (!hostPattern.test(host)) throw invalid(`"${host}" is no registry host`);
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (/[A-Z]/.test(path)) throw invalid('repository names are lower-case');
  if (!repositoryPattern.test(repository)) throw invalid(`"${path}" is no repository name`);
  if (/^[0-9a-f]{64}$/.test(beforeDigest)) throw invalid('64 hex digits are an image ID, not a name');
  if (host.length + 1 + repository.length > NAME_LIMIT)
    throw invalid(`its name is longer than ${NAME_LIMIT} bytes`);
  return { host, repository, tag: digest === undefined ? (tag ?? 'latest') : undefined, digest };
}

/** The first component is a host when it looks like one: has a dot or a port, is `localhost`, or is not lower-case. */
function splitHost(name: string): { host: string; remainder: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost =
    slash >= 0 && (/[.:[\]]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  if (!isHost) return { host: 'docker.io', remainder: name };
  const host = first === 'index.docker.io' ? 'docker.io' : first;
  return { host, remainder: name.slice(slash + 1) };
}

export function isDigest(text: string): boolean {
  if (!digestPattern.test(text)) return false;
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  const length = digestLengths[algorithm];
  return length === undefined || (hex.length === length && hex === hex.toLowerCase());
}

/** `docker.io/library/busybox` */
export function nameOf(reference: Reference): string {
  return `${reference.host}/${reference.repository}`;
}

/** In full: `docker.io/library/busybox:latest`, `docker.io/library/busybox@sha256:…`. */
export function formatReference(reference: Reference): string {
  return reference.digest === undefined
    ? `${nameOf(reference)}:${reference.tag ?? 'latest'}`
    : `${nameOf(reference)}@${reference.digest}`;
}

/** What the command line accepts: `docker://HOST/NAME:TAG` (rkt's scheme, three slashes too) or the bare reference. */
export function parseCommandLineReference(text: string): Reference {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/\/?/.exec(text);
  if (scheme === null) return parseReference(text);
  if (scheme[1] === 'docker') return parseReference(text.slice(scheme[0].length));
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'parse image reference',
    subject: text,
    message: `"${text}": scheme "${scheme[1]}" is not supported; use docker://HOST/NAME:TAG`,
  });
}

/** The image's configuration blob: OCI image-spec config.md, which docker's is compatible with. Pure. */
import { createHash } from 'node:crypto';
import { GantryError } from '../../base/index.ts';
import { isDigest } from '../reference.ts';
import type { ImageConfig } from '../types.ts';

export interface ParsedConfig {
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly diffIds: readonly string[];
}

export function parseImageConfig(bytes: Uint8Array, subject: string): ParsedConfig {
  const fail = (why: string): GantryError =>
    new GantryError({
      code: 'data-loss',
      operation: 'parse image configuration',
      subject,
      message: `${subject}: malformed image configuration: ${why}`,
    });
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail(error instanceof Error ? error.message : 'no JSON');
  }
  if (!isObject(document)) throw fail('no JSON object');
  const rootfs = document['rootfs'];
  if (!isObject(rootfs) || (rootfs['type'] !== undefined && rootfs['type'] !== 'layers'))
    throw fail('no "rootfs" of type layers');
  const diffIds = strings(rootfs['diff_ids'], 'rootfs.diff_ids', fail);
  const bad = diffIds.find((id) => !isDigest(id) || !id.startsWith('sha256:'));
  if (bad !== undefined) throw fail(`"${bad}" is no sha256 digest`);
  return { config: parseRunConfig(document, fail), diffIds };
}

function parseRunConfig(document: Record<string, unknown>, fail: (why: string) => GantryError): ImageConfig {
  const run = isObject(document['config']) ? document['config'] : {};
  const labels = isObject(run['Labels']) ? run['Labels'] : {};
  const text = (value: unknown, name: string): string => {
    if (value === undefined || value === null) return '';
    if (typeof value !== 'string') throw fail(`"${name}" is no string`);
    return value;
  };
  return {
    user: text(run['User'], 'config.User'),
    env: strings(run['Env'], 'config.Env', fail),
    entrypoint: command(run['Entrypoint'], 'config.Entrypoint', fail),
    cmd: command(run['Cmd'], 'config.Cmd', fail),
    workingDir: text(run['WorkingDir'], 'config.WorkingDir'),
    volumes: isObject(run['Volumes']) ? Object.keys(run['Volumes']) : [],
    stopSignal: text(run['StopSignal'], 'config.StopSignal'),
    labels: Object.fromEntries(Object.entries(labels).map(([k, v]) => [k, text(v, `config.Labels.${k}`)])),
    architecture: text(document['architecture'], 'architecture'),
    os: text(document['os'], 'os'),
    created: text(document['created'], 'created'),
  };
}

/** Old builders wrote a command as one string; docker reads it as a shell's. */
function command(value: unknown, name: string, fail: (why: string) => GantryError): string[] {
  return typeof value === 'string' ? ['/bin/sh', '-c', value] : strings(value, name, fail);
}

function strings(value: unknown, name: string, fail: (why: string) => GantryError): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw fail(`"${name}" is no list of strings`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** OCI image-spec, config.md: the digest that names a stack of layers; '' for none. */
export function chainId(diffIds: readonly string[]): string {
  return diffIds.reduce(
    (chain, diffId) =>
      chain === '' ? diffId : `sha256:${createHash('sha256').update(`${chain} ${diffId}`).digest('hex')}`,
    '',
  );
}

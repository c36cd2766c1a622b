/** What the image verbs share: options, the image service that they ask for, and how a table is printed. */
import { existsSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { describeError, GantryError, log, setLogLevel } from '../base/index.ts';
import { defaultConfigFile, mergeSettings, readConfigFile, type ServerConfig } from '../config/index.ts';
import { createImageService, type ImageService, type InsecureOption } from '../image/index.ts';

export interface ImageArguments {
  readonly positionals: readonly string[];
  readonly config: ServerConfig;
  readonly format: 'text' | 'json';
  readonly insecure: readonly InsecureOption[];
  readonly help: boolean;
}

const shared = ['root', 'state', 'registries-dir', 'log-level'] as const;

export const sharedUsage = `options:
  --root DIR  --state DIR  --registries-dir DIR  --config FILE  --log-level LEVEL
  --insecure-options none|tls|http|all-fetch[,…]
        tls: take any certificate of a registry; http: registries without TLS
  --format text|json
`;

/** Errors: invalid-argument, with the usage. */
export function parseImageArguments(args: readonly string[], usage: string): ImageArguments {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const name of [...shared, 'config', 'format', 'insecure-options']) options[name] = { type: 'string' };
  const invalid = (message: string): GantryError =>
    new GantryError({
      code: 'invalid-argument',
      operation: 'parse arguments',
      message: `${message}\n${usage}`,
    });
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], strict: true, allowPositionals: true, options });
  } catch (cause) {
    throw invalid(describeError(cause));
  }
  const { values, positionals } = parsed;
  const format = values['format'] ?? 'text';
  if (format !== 'text' && format !== 'json') throw invalid(`--format is text or json, not "${format}"`);
  const file =
    (values['config'] as string | undefined) ??
    (existsSync(defaultConfigFile) ? defaultConfigFile : undefined);
  const given = shared.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]] as const]));
  const config = mergeSettings(...(file === undefined ? [] : [readConfigFile(file)]), {
    origin: 'command line',
    values: new Map(given),
  });
  setLogLevel(values['log-level'] === undefined ? 'warn' : config.logLevel);
  const insecure = parseInsecure(String(values['insecure-options'] ?? 'none'), invalid);
  return { positionals, config, format, insecure, help: values['help'] === true };
}

/** Runs `work` with the image store opened; the process is no server, so nothing stays mounted behind it. */
export async function withImages<T>(
  { config, insecure }: ImageArguments,
  work: (images: ImageService, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const images = await createImageService(config, { log, layerGraceMs: 0, insecure });
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await work(images, stop.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await images.close();
  }
}

/** Columns as wide as their widest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_cell, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, i) => cell.padEnd(widths[i] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

/** bigint as decimal strings. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? v.toString() : (v as unknown)), 2);
  process.stdout.write(`${text}\n`);
}

/** rkt's names, of which these concern fetching. */
function parseInsecure(list: string, invalid: (message: string) => GantryError): InsecureOption[] {
  const known: Readonly<Record<string, readonly InsecureOption[]>> = {
    none: [],
    tls: ['tls'],
    http: ['http'],
    'all-fetch': ['tls', 'http'],
  };
  return list.split(',').flatMap((name) => {
    const options = Object.hasOwn(known, name) ? known[name] : undefined;
    if (options === undefined) throw invalid(`--insecure-options: "${name}" is not known`);
    return options;
  });
}

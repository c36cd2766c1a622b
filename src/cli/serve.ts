import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeError, GantryError } from '../base/index.ts';
import {
  defaultConfig,
  defaultConfigFile,
  mergeSettings,
  readConfigFile,
  type ServerConfig,
  settings,
} from '../config/index.ts';
import type { Verb } from './index.ts';

/** `gantry serve`: flags over the file over defaults, then the server until SIGTERM or SIGINT. */
export const verb: Verb = {
  summary: 'serve CRI to the kubelet',
  async run(args) {
    const parsed = parseServeArguments(args);
    if (parsed === 'help') {
      process.stdout.write(usage());
      return 0;
    }
    // Set by bin/gantry, for this process alone: plug-ins and tools inherit the rest of the environment.
    for (const name of ['ARENA_MAX', 'MMAP_THRESHOLD_', 'TRIM_THRESHOLD_'])
      delete process.env[`MALLOC_${name}`];
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
    const { serve } = await import('../cri/index.ts');
    await serve(parsed, stop.signal);
    return 0;
  },
};

/** Errors: invalid-argument, naming the flag or the file's key. */
export function parseServeArguments(args: readonly string[]): ServerConfig | 'help' {
  const names = Object.keys(settings).filter((name) => settings[name]?.kind !== 'switch');
  const switches = Object.keys(settings).filter((name) => settings[name]?.kind === 'switch');
  let flags: Record<string, unknown>;
  try {
    flags = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h' },
        config: { type: 'string' },
        ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
        ...Object.fromEntries(switches.map((name) => [name, { type: 'boolean' as const }])),
      },
    }).values;
  } catch (cause) {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'parse arguments',
      message: `${describeError(cause)}; 'gantry serve --help' lists the options`,
    });
  }
  const { help, config, ...given } = flags;
  if (help === true) return 'help';
  const file = configFile(config as string | undefined);
  return mergeSettings(...(file === undefined ? [] : [readConfigFile(file)]), {
    origin: 'command line',
    values: new Map(Object.entries(given)),
  });
}

/** The default file may be absent; one that was named may not. */
function configFile(named: string | undefined): string | undefined {
  return named ?? (existsSync(defaultConfigFile) ? defaultConfigFile : undefined);
}

function usage(): string {
  const lines = Object.entries(settings).map(([name, { member, help, kind }]) => {
    const value = kind === 'switch' ? '' : ' VALUE';
    return `  --${name}${value}\n        ${help} (default: ${describeDefault(defaultConfig[member])})`;
  });
  return [
    'usage: gantry serve [--config FILE] [OPTION …]',
    `  --config FILE\n        TOML file with the names below as keys; flags win (default: ${defaultConfigFile}, if it exists)`,
    ...lines,
    '',
  ].join('\n');
}

function describeDefault(value: ServerConfig[keyof ServerConfig]): string {
  const text = Array.isArray(value) ? value.join(':') : String(value);
  return text === '' ? 'none' : text;
}

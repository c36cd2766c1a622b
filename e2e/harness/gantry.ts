import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { programs } from './paths.ts';

export interface GantryOptions {
  /** Everything of it lives below: `root`, `state`, the socket, the log. Keep it short: socket paths have a limit. */
  readonly directory: string;
  readonly hostsDir: string;
  readonly cniConfDir: string;
  readonly network: 'auto' | 'cni' | 'builtin';
  /** Instead of this release's `bin/gantry`: another one's. */
  readonly program?: string;
  /** Instead of `root` below the directory. */
  readonly root?: string;
  /** Lines for its configuration file, as TOML. */
  readonly config?: string;
  /** More flags of `gantry serve`. */
  readonly flags?: readonly string[];
  /** Who starts and ends it; absent: it is a child of the test. */
  readonly serve?: (options: DaemonOptions) => Server;
  /** A command that the server is run by: `unshare`, `nsenter` and the like. */
  readonly wrapper?: readonly string[];
}

/** A server's process, whoever starts it. */
export type Server = Pick<Daemon, keyof Daemon>;

export interface Gantry {
  readonly daemon: Server;
  readonly socket: string;
  readonly root: string;
  readonly state: string;
}

/** `gantry serve` on directories and a socket of its own; nothing is started yet. */
export function gantry(options: GantryOptions): Gantry {
  const { directory } = options;
  const root = options.root ?? join(directory, 'root');
  const state = join(directory, 'run');
  mkdirSync(directory, { recursive: true });
  const config = join(directory, 'config.toml');
  writeFileSync(config, options.config ?? '');
  const socket = join(directory, 'gantry.sock');
  const serve: [string, ...string[]] = [options.program ?? programs.gantry, 'serve'];
  const flags = [
    ['--config', config],
    ['--listen', `unix://${socket}`],
    ['--root', root],
    ['--state', state],
    ['--cni-conf-dir', options.cniConfDir],
    ['--cni-bin-dir', programs.cniBin],
    ['--registries-dir', options.hostsDir],
    ['--network', options.network],
    options.flags ?? [],
  ].flat();
  const [first, ...rest] = [...(options.wrapper ?? []), ...serve, ...flags];
  const asDaemon: DaemonOptions = { argv: [first ?? '', ...rest], logFile: join(directory, 'log'), socket };
  const daemon = options.serve?.(asDaemon) ?? new Daemon(asDaemon);
  return { daemon, socket, root, state };
}

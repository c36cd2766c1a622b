/** Plug-ins that are installed on the host: found, and started with a connection that is there already. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, errno, GantryError, type Logger, readRegularFile } from '../base/index.ts';
import { checkIdentity, type PluginIdentity } from './plugin.ts';

export interface Installed extends PluginIdentity {
  readonly path: string;
  /** Handed to it when it is configured; '' for none. */
  readonly config: string;
}

/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 2_000;

/**
 * The executables `NN-name` of a directory, in order, each with the content of `NN-name.conf` or `name.conf`. What does not fit is
 * logged and left out; a directory that is absent is empty.
 */
export function installedPlugins(pluginDir: string, configDir: string, log: Logger): Installed[] {
  const found: Installed[] = [];
  for (const file of list(pluginDir).sort()) {
    const path = join(pluginDir, file);
    try {
      accessSync(path, constants.X_OK);
    } catch {
      continue; // a README, a configuration
    }
    try {
      const [, index = '', name = ''] = /^([^-]*)-(.*)$/s.exec(file) ?? [];
      checkIdentity(index, name);
      found.push({ index, name, path, config: configOf(configDir, file, name) });
    } catch (error) {
      log.error({ path, error: describeError(error) }, 'installed NRI plug-in is left out');
    }
  }
  return found;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

function configOf(directory: string, ...names: string[]): string {
  for (const name of names) {
    try {
      return readRegularFile(join(directory, `${name}.conf`));
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw error;
    }
  }
  return '';
}

export interface Launched {
  readonly socket: Socket;
  /** Ends it, by force where needed. Idempotent. */
  stop(): Promise<void>;
}

/** Starts it as NRI's stub expects: descriptor 3 is its connection. Errors: unavailable. */
export async function launch(plugin: Installed): Promise<Launched> {
  const child = spawn(plugin.path, [], {
    env: {
      PATH: process.env['PATH'],
      NRI_PLUGIN_NAME: plugin.name,
      NRI_PLUGIN_IDX: plugin.index,
      NRI_PLUGIN_SOCKET: '3',
    },
    // Node makes a socket pair of a "pipe". What the plug-in says of itself goes to our log's place.
    stdio: ['ignore', 2, 2, 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(
        new GantryError({
          code: 'unavailable',
          operation: 'start NRI plug-in',
          subject: plugin.path,
          message: `NRI plug-in ${plugin.path} cannot be started`,
          cause,
        }),
      );
    });
  });
  // A server that is done need not wait for it.
  child.unref();
  return { socket: child.stdio[3] as Socket, stop: () => stop(child, exited) };
}

async function stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  child.kill('SIGTERM');
  await Promise.race([exited, sleep(GRACE, undefined, { ref: false })]);
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await exited;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(
  new URL('../../build/debs/docker-registry/usr/bin/docker-registry', import.meta.url),
);

export interface RegistryOptions {
  /** Where its blobs are kept; may be shared by several that are only read from. */
  readonly storage: string;
  /** For its configuration and its log. */
  readonly directory: string;
  /** The `auth` section of its configuration, as YAML. */
  readonly auth?: string;
  /** Files of its certificate and key. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** A running docker-registry (Debian's) on a loopback port of its own. */
export interface Registry {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const port = await freePort();
  mkdirSync(options.directory, { recursive: true });
  const file = join(options.directory, 'registry.yml');
  writeFileSync(file, configuration(port, options));
  const log = openSync(join(options.directory, 'registry.log'), 'a');
  const child = spawn(program, ['serve', file], { stdio: ['ignore', log, log] });
  closeSync(log);
  const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  try {
    await untilItAnswers(url, child);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { url, port, pid: child.pid ?? 0, stop: () => stop(child) };
}

function configuration(port: number, options: RegistryOptions): string {
  const tls =
    options.tls === undefined
      ? ''
      : `  tls: { certificate: ${options.tls.certificate}, key: ${options.tls.key} }\n`;
  return `version: 0.1
log:
  accesslog: { disabled: true }
  level: warn
storage:
  filesystem: { rootdirectory: ${options.storage} }
  delete: { enabled: true }
http:
  addr: 127.0.0.1:${port}
  secret: not-a-secret
${tls}${options.auth === undefined ? '' : `auth:\n${options.auth}\n`}`;
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode} at once`);
    if (await answers(`${url}/v2/`)) return;
    await sleep(25);
  }
  throw new Error(`docker-registry does not answer at ${url}`);
}

function answers(url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const get = url.startsWith('https:') ? getSecure : getPlain;
  // Whether the certificate is right, clients will say.
  get(url, { rejectUnauthorized: false }, (response) => {
    response.resume();
    resolve(true);
  }).on('error', () => resolve(false));
  return promise;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}

/** A TCP port of loopback that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

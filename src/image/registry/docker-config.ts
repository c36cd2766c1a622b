/** What `docker login` wrote, for the command: `$REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describeError, errno, GantryError, log } from '../../base/index.ts';
import type { RegistryAuth } from '../types.ts';

/** The credentials for a registry host; undefined when the file, or an entry for it, is absent. */
export function loginFor(host: string, env: NodeJS.ProcessEnv = process.env): RegistryAuth | undefined {
  const file =
    env['REGISTRY_AUTH_FILE'] ??
    join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker'), 'config.json');
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'read registry credentials',
      subject: file,
      message: `${file}: ${describeError(error)}`,
      cause: error,
    });
  }
  return selectLogin(document, host, file);
}

/** Keys are hosts, or URLs of old (`https://index.docker.io/v1/`). */
function selectLogin(document: unknown, host: string, file: string): RegistryAuth | undefined {
  const { auths, credHelpers, credsStore } = (document ?? {}) as Record<string, unknown>;
  const wanted = canonical(host);
  for (const [key, value] of Object.entries((auths ?? {}) as Record<string, unknown>)) {
    if (canonical(key) !== wanted || typeof value !== 'object' || value === null) continue;
    const { auth, username, password, identitytoken, registrytoken } = value as Record<string, string>;
    if (!auth && !username && !identitytoken && !registrytoken) continue;
    return {
      ...(auth ? { auth } : {}),
      ...(username ? { username, password: password ?? '' } : {}),
      ...(identitytoken ? { identityToken: identitytoken } : {}),
      ...(registrytoken ? { registryToken: registrytoken } : {}),
    };
  }
  const helper = (credHelpers as Record<string, unknown> | undefined)?.[host] ?? credsStore;
  if (helper !== undefined)
    log.warn({ file, helper }, 'docker credential helpers are not used; pulling without them');
  return undefined;
}

function canonical(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  return ['index.docker.io', 'registry-1.docker.io'].includes(host) ? 'docker.io' : host;
}

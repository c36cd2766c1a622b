import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status as code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthConfigInit } from '../src/cri-types/index.ts';
import { failure, startTokenServer, type TokenServer, World } from './harness/index.ts';
import { imageStorage, type Registry, startRegistry, writeHosts } from './images/index.ts';

const account = { user: 'someone', password: 'secret' };
/** `someone:secret`, by bcrypt. */
const htpasswd = 'someone:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

// Both ways by which registries ask for credentials, by a real docker-registry that asks for them.
describe('registries that want credentials', () => {
  let world: World;
  let tokens: TokenServer;
  const registries: Registry[] = [];

  beforeAll(async () => {
    world = await World.create({ subnet: 103 });
    const storage = await imageStorage();
    const start = async (host: string, auth: string): Promise<void> => {
      const registry = await startRegistry({ storage, directory: join(world.directory, host), auth });
      registries.push(registry);
      writeHosts(join(world.directory, 'hosts'), registry.url, [host]);
    };
    mkdirSync(join(world.directory, 'basic.test'));
    const passwords = join(world.directory, 'basic.test', 'htpasswd');
    writeFileSync(passwords, htpasswd);
    await start('basic.test', `  htpasswd:\n    realm: basic\n    path: ${passwords}`);
    tokens = await startTokenServer(join(world.directory, 'tokens'), account);
    await start('bearer.test', tokens.auth);
  });
  afterAll(async () => {
    for (const registry of registries) await registry.stop();
    await tokens?.stop();
    await world?.dispose();
  });

  const pull = (image: string, auth?: AuthConfigInit): Promise<unknown> =>
    world.cri.call('PullImage', { image: { image }, ...(auth === undefined ? {} : { auth }) }, 60_000);

  const right: readonly { what: string; auth: AuthConfigInit }[] = [
    { what: 'user and password', auth: { username: account.user, password: account.password } },
    {
      what: 'the auth field, as in a docker config',
      auth: { auth: Buffer.from(`${account.user}:${account.password}`).toString('base64') },
    },
  ];

  describe.each(['basic.test', 'bearer.test'])('%s', (host) => {
    const image = `${host}/layers:1`;

    test.each(right)('lets in by $what', async ({ auth }) => {
      await pull(image, auth);
      const { image: found } = await world.cri.call('ImageStatus', { image: { image } });
      expect(found?.repoTags).toEqual([image]);
      await world.removeEverything();
    });

    test.each([
      { what: 'without credentials', auth: undefined },
      { what: 'with a wrong password', auth: { username: account.user, password: 'guessed' } },
    ])('refuses $what', async ({ auth }) => {
      const error = await failure(pull(image, auth));
      expect([code.UNAUTHENTICATED, code.PERMISSION_DENIED]).toContain(error.code);
      expect(error.details).toContain(host);
      expect(error.details).not.toContain('guessed');
      expect((await world.cri.call('ListImages', {})).images).toEqual([]);
      expect(await world.leftovers()).toEqual([]);
    });
  });

  test('a token is asked for just the repository that is pulled', () => {
    expect(new Set(tokens.granted)).toEqual(new Set(['repository:layers:pull']));
  });

  test('no password is in the log or in a file of the server', () => {
    expect(world.serverLog).not.toMatch(/guessed|secret/);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Flights } from './layers/index.ts';
import { Fixture, never } from './testing/fixture.ts';
import { imageOf, layerOf, someImage, type TestImage, tarOf } from './testing/images.ts';
import { Rogue, sendHonestly } from './testing/rogue.ts';

let fixture: Fixture;
let rogue: Rogue;
beforeEach(async () => {
  fixture = new Fixture();
  rogue = await Rogue.start();
});
afterEach(async () => {
  await rogue.stop();
  await fixture.dispose();
});

const countOf = (image: TestImage): number =>
  rogue.paths().filter((path) => path.includes(image.layers[0]?.digest ?? '-')).length;

/** Layers wait until somebody opens the gate. */
function gate(image: TestImage): { open: () => void; asked: Promise<void> } {
  const { promise, resolve: open } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  rogue.mischief = (request, response, blob) => {
    if (!request.url?.includes(image.layers[0]?.digest ?? '-') || blob === undefined) return false;
    ask();
    void promise.then(() => sendHonestly(request, response, blob));
    return true;
  };
  return { open, asked };
}

describe('pulls at once', () => {
  it('of one image share everything', async () => {
    const image = someImage();
    rogue.add('one', '1', image);
    const images = await fixture.service();
    const pulls = Array.from({ length: 5 }, () => images.pull(`${rogue.host}/one:1`, { signal: never() }));
    expect(new Set((await Promise.all(pulls)).map(({ id }) => id))).toEqual(new Set([image.config.digest]));
    expect(rogue.requests).toHaveLength(3);
  });

  it('of images with a common layer fetch it once, and store it once, however it is compressed', async () => {
    const tar = tarOf({ common: 'x'.repeat(100_000) });
    const [a, b] = [
      imageOf([layerOf(tar, 'gzip')], { config: { Cmd: ['a'] } }),
      imageOf([layerOf(tar, 'zstd')], { config: { Cmd: ['b'] } }),
    ];
    rogue.add('a', '1', a);
    rogue.add('b', '1', b);
    const { open, asked } = gate(a);
    const images = await fixture.service();
    const first = images.pull(`${rogue.host}/a:1`, { signal: never() });
    await asked;
    const second = images.pull(`${rogue.host}/b:1`, { signal: never() });
    await sleep(100);
    open();
    await Promise.all([first, second]);
    expect([countOf(a), countOf(b)]).toEqual([1, 0]);
    expect(fixture.layerFiles()).toHaveLength(1);
    expect(images.list()).toHaveLength(2);
  });

  it('go on when one of them is aborted', async () => {
    const image = someImage();
    rogue.add('one', '1', image);
    rogue.add('two', '1', image);
    const { open, asked } = gate(image);
    const images = await fixture.service();
    const caller = new AbortController();
    const leaves = images.pull(`${rogue.host}/one:1`, { signal: caller.signal });
    await asked;
    const stays = images.pull(`${rogue.host}/two:1`, { signal: never() });
    await sleep(100);
    caller.abort();
    await expect(leaves).rejects.toMatchObject({ code: 'cancelled' });
    open();
    expect((await stays).id).toBe(image.config.digest);
    expect(countOf(image)).toBe(1);
  });

  it('with other credentials do not share the registry’s permission', async () => {
    const image = someImage();
    rogue.add('one', '1', image);
    const images = await fixture.service();
    const pull = (password: string) =>
      images.pull(`${rogue.host}/one:1`, { signal: never(), auth: { username: 'u', password } });
    await Promise.all([pull('a'), pull('b')]);
    expect(rogue.paths().filter((path) => path.includes('/manifests/'))).toHaveLength(2);
  });
});

describe('several processes on one root', () => {
  const script = (name: string): string => `
    import { createImageService } from '${join(import.meta.dirname, 'index.ts')}';
    import { pino } from 'pino';
    const [root, state, registriesDir] = ${JSON.stringify([fixture.root, fixture.state, fixture.registries])};
    const images = await createImageService({ root, state, registriesDir, pullConcurrency: 3, pullMinimumRate: 1024 }, { log: pino({ level: 'silent' }) });
    await images.pull('${name}', { signal: new AbortController().signal });
    await images.close();`;
  const start = (name: string) =>
    spawn(process.execPath, ['--input-type=module-typescript', '-e', script(name)], {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'inherit', 'inherit'],
    });

  it('see each other’s images', async () => {
    const [mine, theirs] = [someImage(), someImage()];
    rogue.add('mine', '1', mine);
    rogue.add('theirs', '1', theirs);
    const images = await fixture.service();
    const child = start(`${rogue.host}/theirs:1`);
    const [[code]] = await Promise.all([
      once(child, 'exit'),
      images.pull(`${rogue.host}/mine:1`, { signal: never() }),
    ]);
    expect(code).toBe(0);
    expect(
      images
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([mine.config.digest, theirs.config.digest].sort());
    await images.remove(theirs.config.digest);
    expect((await fixture.service()).list()).toHaveLength(1);
  });

  it('that is killed in mid-pull leaves nothing after the next start', async () => {
    const image = someImage();
    rogue.add('killed', '1', image);
    const { asked } = gate(image);
    const child = start(`${rogue.host}/killed:1`);
    await asked;
    await sleep(50);
    expect(fixture.files().some((file) => file.includes('.tmp-'))).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const images = await fixture.service();
    await images.reconcile(new Map());
    expect(fixture.files()).toEqual([]);
    expect(images.list()).toEqual([]);
  });

  it('does not take another’s unfinished layer away', async () => {
    const image = someImage();
    rogue.add('unfinished', '1', image);
    const { open, asked } = gate(image);
    const images = await fixture.service();
    const pull = images.pull(`${rogue.host}/unfinished:1`, { signal: never() });
    await asked;
    await (await fixture.service()).reconcile(new Map());
    open();
    expect((await pull).id).toBe(image.config.digest);
  });
});

describe('Flights', () => {
  it('stops work that nobody waits for, and waits for its end', async () => {
    const flights = new Flights<string>();
    const caller = new AbortController();
    let cleaned = false;
    const joined = flights.join('k', caller.signal, async (signal) => {
      await once(signal, 'abort');
      await sleep(30);
      cleaned = true;
      throw new Error('stopped');
    });
    caller.abort();
    await expect(joined).rejects.toMatchObject({ code: 'cancelled' });
    expect(cleaned).toBe(true);
    expect(flights.has('k')).toBe(false);
    expect(await flights.join('k', never(), async () => 'anew')).toBe('anew');
  });

  it('tells everybody of a failure, and forgets it', async () => {
    const flights = new Flights<string>();
    const fail = (): Promise<string> => Promise.reject(new Error('no'));
    const results = await Promise.allSettled([
      flights.join('k', never(), fail),
      flights.join('k', never(), fail),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await flights.join('k', never(), async () => 'yes')).toBe('yes');
  });
});

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { status as code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  failure,
  honest,
  type Mischief,
  type RogueRegistry,
  startRogueRegistry,
  World,
} from './harness/index.ts';
import { layerOfTar, makeImage, makeLayer, Tree, writeHosts } from './images/index.ts';

// What a registry may do wrong: each gets an error that names the image, and nothing of it stays.
describe('pulling what cannot be pulled', () => {
  let world: World;
  let rogue: RogueRegistry;
  let filesBefore: string[];

  beforeAll(async () => {
    world = await World.create({ subnet: 102 });
    rogue = await startRogueRegistry();
    writeHosts(join(world.directory, 'hosts'), rogue.url, ['rogue.test']);
    writeHosts(join(world.directory, 'hosts'), 'http://127.0.0.1:1', ['down.test']);
    await world.cri.call('ListImages', {});
    filesBefore = files(world.gantry.root);
  });
  afterAll(async () => {
    await rogue.stop();
    await world.dispose();
  });

  const cases: readonly {
    what: string;
    image: string;
    mischief?: Misdeed;
    codes: readonly number[];
    says: RegExp;
  }[] = [
    {
      what: 'no such repository',
      image: 'gantry.test/nothing:1',
      codes: [code.NOT_FOUND],
      says: /not found|no such/i,
    },
    {
      what: 'no such tag',
      image: 'gantry.test/base:none',
      codes: [code.NOT_FOUND],
      says: /not found|no such/i,
    },
    {
      what: 'no such digest',
      image: `gantry.test/base@sha256:${'0'.repeat(64)}`,
      codes: [code.NOT_FOUND],
      says: /not found|no such/i,
    },
    {
      what: 'a name that is none',
      image: 'gantry.test/UPPER:1',
      codes: [code.INVALID_ARGUMENT],
      says: /reference|name/i,
    },
    {
      // The kubelet knows this word only at the start of a message of code Unknown.
      what: 'a registry that is down',
      image: 'down.test/base:1',
      codes: [code.UNKNOWN],
      says: /^(\S+ \S+ )?RegistryUnavailable/,
    },
    {
      what: 'a registry that fails',
      image: 'rogue.test/fails:1',
      mischief: { manifest: (response) => response.writeHead(503).end('try later') },
      codes: [code.UNKNOWN],
      says: /RegistryUnavailable/,
    },
    {
      what: 'a manifest that is no JSON',
      image: 'rogue.test/no-json:1',
      mischief: { manifest: changed(() => Buffer.from('{"schemaVersion": 2, "layers": [')) },
      codes: [code.INVALID_ARGUMENT, code.DATA_LOSS, code.FAILED_PRECONDITION],
      says: /manifest/i,
    },
    {
      what: 'a manifest whose layers are none',
      image: 'rogue.test/no-layers:1',
      mischief: { manifest: changed(() => Buffer.from('{"schemaVersion":2,"config":7,"layers":"many"}')) },
      codes: [code.INVALID_ARGUMENT, code.DATA_LOSS, code.FAILED_PRECONDITION],
      says: /manifest/i,
    },
    {
      what: 'a layer that ends early',
      image: 'rogue.test/truncated:1',
      mischief: { layer: cutShort },
      codes: [code.UNKNOWN, code.DATA_LOSS, code.UNAVAILABLE],
      says: /layer|blob|sha256/i,
    },
    {
      what: 'a layer with another digest',
      image: 'rogue.test/digest:1',
      mischief: { layer: changed(flipLastByte) },
      codes: [code.DATA_LOSS, code.INVALID_ARGUMENT, code.FAILED_PRECONDITION],
      says: /digest|sha256/i,
    },
    {
      what: 'a layer longer than its descriptor says',
      image: 'rogue.test/longer:1',
      mischief: { layer: changed((body) => Buffer.concat([body, Buffer.alloc(1 << 20)])) },
      codes: [code.DATA_LOSS, code.INVALID_ARGUMENT, code.FAILED_PRECONDITION],
      says: /size|bytes|digest|longer/i,
    },
  ];

  test.each(cases)('$what', async ({ image, mischief, codes, says }) => {
    if (mischief !== undefined)
      rogue.add(image.replace('rogue.test/', '').replace(':1', ''), await someImage(), mischief);
    const error = await failure(world.cri.call('PullImage', { image: { image } }, 60_000));
    expect(error.details).toMatch(says);
    expect(error.details).toContain(image.split('@')[0]);
    expect(codes).toContain(error.code);
    await expectNothingLeft();
  });

  test('a layer that is no tar', async () => {
    const noise = layerOfTar(
      Buffer.from('no tar at all, but long enough to look for a header in it'.repeat(40)),
      'gzip',
    );
    rogue.add('no-tar', makeImage([noise], {}), {});
    const error = await failure(
      world.cri.call('PullImage', { image: { image: 'rogue.test/no-tar:1' } }, 60_000),
    );
    expect(error.details).toMatch(/tar|layer/i);
    await expectNothingLeft();
  });

  test('the right digest asked for, another manifest sent', async () => {
    const [asked, sent] = [await someImage(), await someImage()];
    rogue.add('swapped', asked, {
      manifest: (response, _, type) => honest(response, sent.manifest.bytes, type),
    });
    const image = `rogue.test/swapped@${asked.manifest.digest}`;
    const error = await failure(world.cri.call('PullImage', { image: { image } }, 60_000));
    expect(error.details).toContain(asked.manifest.digest);
    await expectNothingLeft();
  });

  test('a connection that breaks twice is resumed, and the image is whole', async () => {
    const whole = await someImage(3 << 20);
    rogue.add('resumed', whole, { layer: breaksOnce(2) });
    await world.cri.call('PullImage', { image: { image: 'rogue.test/resumed:1' } }, 60_000);
    await world.removeEverything();
  });

  async function expectNothingLeft(): Promise<void> {
    const { images } = await world.cri.call('ListImages', {});
    expect(images).toEqual([]);
    expect(await world.leftovers()).toEqual([]);
    expect(files(world.gantry.root)).toEqual(filesBefore);
  }
});

interface Misdeed {
  readonly manifest?: Mischief;
  readonly layer?: Mischief;
}

let seed = 0;

/** An image that no other test has, so that no layer of it is known already. */
async function someImage(size = 200_000): Promise<ReturnType<typeof makeImage>> {
  seed += 1;
  const content = Buffer.alloc(size);
  for (let at = 0; at < size; at += 1) content[at] = (at * 2_654_435_761 + seed * 40_503) >>> 13;
  return makeImage([await makeLayer(new Tree().file(`file-${seed}`, content))], {});
}

function changed(change: (body: Buffer) => Buffer): Mischief {
  return (response, body, type) => honest(response, change(body), type);
}

function flipLastByte(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

/** Promises all, sends half, and hangs up; every time. */
function cutShort(...[response, body]: Parameters<Mischief>): void {
  response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(0, body.length / 2), () => response.destroy());
}

/** Hangs up after a third, so many times, and answers ranges as asked after that. */
function breaksOnce(times: number): Mischief {
  let left = times;
  return (response, body) => {
    const from = Number(/bytes=(\d+)-/.exec(response.req.headers.range ?? '')?.[1] ?? 0);
    const rest = body.subarray(from);
    const range = `bytes ${from}-${body.length - 1}/${body.length}`;
    const headers = { 'content-length': rest.length, 'accept-ranges': 'bytes' };
    response.writeHead(from > 0 ? 206 : 200, from > 0 ? { ...headers, 'content-range': range } : headers);
    left -= 1;
    if (left < 0) response.end(rest);
    else response.write(rest.subarray(0, body.length / 3), () => response.destroy());
  };
}

/** Every file below, without those that only lock or index. */
function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

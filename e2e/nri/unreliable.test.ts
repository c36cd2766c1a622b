import { chmodSync, copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  eventsIn,
  eventually,
  failure,
  hostNetwork,
  NriPlugin,
  type NriRules,
  nriPlace,
  type Pod,
  programs,
  pull,
  removeNriPlace,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';

const place = nriPlace();
const tolerate = 'e2e.gantry.test/tolerate';
const installedLog = join(place.directory, 'installed.log');
let world: World;
let pod: Pod;
let plugins: NriPlugin[] = [];

beforeAll(async () => {
  copyFileSync(programs.nriPlugin, join(place.plugins, '07-installed'));
  writeFileSync(join(place.configs, 'installed.conf'), JSON.stringify({ log: installedLog }));
  // What does not fit is left out, and nobody is kept from serving by it.
  writeFileSync(join(place.plugins, 'README'), 'not a plug-in');
  for (const [name, text] of [
    ['bad-index', '#!/bin/sh\n'],
    ['08-ends', '#!/bin/sh\nexit 1\n'],
    ['09-silent', '#!/bin/sh\nexec sleep 1000\n'],
    ['10-not-a-program', 'ELF?'],
  ] as const) {
    writeFileSync(join(place.plugins, name), text);
    chmodSync(join(place.plugins, name), 0o755);
  }
  const flags = [...place.flags, '--nri-registration-timeout', '1000', '--nri-request-timeout', '800'];
  world = await World.create({
    subnet: 153,
    server: { flags: [...flags, '--nri-tolerate-annotation', tolerate] },
  });
  await pull(world, shellImage);
  pod = await runPod(world, { linux: hostNetwork });
});
afterEach(async () => {
  await Promise.all(plugins.map((plugin) => plugin.stop()));
  plugins = [];
  await sleep(50);
});
afterAll(async () => {
  await world.dispose();
  removeNriPlace(place);
});

async function start(index: string, name: string, rules: NriRules = {}): Promise<NriPlugin> {
  const plugin = await NriPlugin.start(place, index, name, { rules });
  plugins.push(plugin);
  return plugin;
}

/** Milliseconds. */
async function timed(work: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
}

const requiring = (value: string, key = 'required-plugins.noderesource.dev') =>
  runPod(world, { linux: hostNetwork, annotations: { [key]: value } });

describe('an installed plug-in', () => {
  test('is started with the server, under its name and with its configuration', async () => {
    const events = eventsIn(installedLog);
    expect(events.map(({ event }) => event).slice(0, 2)).toEqual(['Configure', 'Synchronize']);
    expect(events[0]).toMatchObject({ config: JSON.stringify({ log: installedLog }) });
    const environment = String(events[0]?.['environment']);
    expect(environment).toContain('NRI_PLUGIN_NAME=installed');
    expect(environment).toContain('NRI_PLUGIN_IDX=07');
    expect(environment).toContain('NRI_PLUGIN_SOCKET=3');
    await createContainer(world, pod);
    expect(eventsIn(installedLog).map(({ event }) => event)).toContain('CreateContainer');
  });

  test('that is none, ends or says nothing is left out, and said', () => {
    const log = world.serverLog;
    for (const name of ['bad-index', '08-ends', '09-silent', '10-not-a-program']) {
      expect(log).toMatch(new RegExp(`"plugin":"[^"]*${name}|"path":"[^"]*${name}`));
    }
    expect(log).not.toContain('README');
  });
});

test('the socket is root’s alone', () => {
  expect(statSync(place.socket).mode & 0o777).toBe(0o600);
});

describe('a plug-in that is slow', () => {
  test('is dropped once it has not answered in time; the creation goes on', async () => {
    const slow = await start('20', 'slow', { CreateContainer: { delay: 30_000 } });
    const good = await start('30', 'good');
    const took = await timed(createContainer(world, pod));
    expect(took).toBeGreaterThan(750);
    expect(took).toBeLessThan(3000);
    await slow.wait('Closed');
    expect(await timed(createContainer(world, pod))).toBeLessThan(700);
    expect(good.events().filter(({ event }) => event === 'CreateContainer')).toHaveLength(2);
  });

  test('in synchronizing is not accepted, and holds nobody up for longer', async () => {
    const slow = NriPlugin.spawn(place, '20', 'slow', { rules: { Synchronize: { delay: 30_000 } } });
    plugins.push(slow);
    await slow.wait('Synchronize');
    expect(await timed(createContainer(world, pod))).toBeLessThan(2500);
    await slow.wait('Closed');
  });

  test('does not keep lists and statuses waiting', async () => {
    await start('20', 'slow', { CreateContainer: { delay: 600 } });
    const creating = createContainer(world, pod);
    await sleep(50);
    expect(await timed(world.cri.call('ListContainers', {}))).toBeLessThan(200);
    await creating;
  });
});

describe('a plug-in that dies', () => {
  test('in the middle of an event is dropped; the creation goes on', async () => {
    const dying = await start('20', 'dying', { CreateContainer: { exit: true } });
    const ids = [await createContainer(world, pod)];
    await dying.exited;
    ids.push(await createContainer(world, pod));
    for (const id of ids) expect((await containerStatus(world, id)).state).toBe('CONTAINER_CREATED');
  });

  test('or is stopped still holds up nobody for ever', async () => {
    const frozen = await start('20', 'frozen');
    frozen.signal('SIGSTOP');
    const other = await runPod(world, { linux: hostNetwork });
    const id = await startContainer(world, other);
    await world.cri.call('StopContainer', { containerId: id, timeout: 0n });
    await removePod(world, other);
    frozen.signal('SIGCONT');
  });

  test('and comes again is synchronized again', async () => {
    const first = await start('20', 'again');
    await first.stop();
    const second = await start('20', 'again');
    const id = await createContainer(world, pod);
    expect(second.heard(id)).toContain('CreateContainer');
  });
});

describe('a required plug-in', () => {
  test('that is not there fails the creation; once it is there, it does not', async () => {
    const own = await requiring('[ "needed" ]');
    const { message } = await failure(createContainer(world, own));
    expect(message).toMatch(/requires NRI plug-in "needed", not connected/);
    await start('20', 'needed');
    await createContainer(world, own);
    await removePod(world, own);
  });

  test('that does not answer in time fails the creation', async () => {
    const own = await requiring('- 20-needed\n- installed');
    await start('20', 'needed', { CreateContainer: { delay: 30_000, times: 1 } });
    expect((await failure(createContainer(world, own))).message).toMatch(/"20-needed"/);
    expect((await world.cri.call('ListContainers', { filter: { podSandboxId: own.id } })).containers).toEqual(
      [],
    );
    await removePod(world, own);
  });

  test('may be one container’s alone, which then counts before its pod’s', async () => {
    const key = 'required-plugins.noderesource.dev/container.strict';
    const own = await requiring('["missing"]', key);
    const strict = createContainer(world, own, { metadata: { name: 'strict', attempt: 0 } });
    expect((await failure(strict)).message).toContain('missing');
    await createContainer(world, own, { metadata: { name: 'lax', attempt: 0 } });
    await removePod(world, own);
  });

  test('can be done without where the pod may', async () => {
    const own = await runPod(world, {
      linux: hostNetwork,
      annotations: { 'required-plugins.noderesource.dev': '[missing]', [tolerate]: 'true' },
    });
    await createContainer(world, own);
    await removePod(world, own);
  });

  test('is not guessed from an annotation that is no list', async () => {
    const own = await requiring('{ what: "this" }');
    expect((await failure(createContainer(world, own))).message).toMatch(/must be a list of plug-in names/);
    await removePod(world, own);
  });
});

describe('whoever connects and', () => {
  /** Settles when the server has hung up. */
  async function speak(say: (socket: Socket) => void): Promise<number> {
    const socket = connect(place.socket);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined).resume();
    socket.once('connect', () => say(socket));
    return await timed(closed);
  }
  const muxFrame = (connection: number, payload: Buffer, length = payload.length): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(connection, 0);
    header.writeUInt32BE(length, 4);
    return Buffer.concat([header, payload]);
  };
  const rpcFrame = (payload: Buffer, length = payload.length): Buffer => {
    const header = Buffer.alloc(10);
    header.writeUInt32BE(length, 0);
    header.writeUInt32BE(1, 4);
    header.writeUInt8(1, 8);
    return Buffer.concat([header, payload]);
  };
  const works = async (): Promise<void> => void (await createContainer(world, pod));

  test('says nothing is hung up on', async () => {
    const took = await speak(() => undefined);
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(2500);
    await works();
  });

  test('sends a frame without end is hung up on at once', async () => {
    expect(await speak((socket) => socket.write(muxFrame(2, Buffer.alloc(0), 0xffff_ffff)))).toBeLessThan(
      900,
    );
    await works();
  });

  test('sends a message without end is hung up on at once', async () => {
    const message = rpcFrame(Buffer.alloc(0), 0x7fff_ffff);
    expect(await speak((socket) => socket.write(muxFrame(2, message)))).toBeLessThan(900);
    await works();
  });

  test('sends noise is hung up on in the end', async () => {
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256));
    expect(await speak((socket) => socket.write(muxFrame(2, rpcFrame(noise))))).toBeLessThan(2500);
    expect(await speak((socket) => socket.write(noise))).toBeLessThan(2500);
    await works();
  });

  test('never stops asking without registering is hung up on', async () => {
    const asking = Buffer.concat(
      Array.from({ length: 5000 }, () => muxFrame(2, rpcFrame(Buffer.from([0x0a, 0])))),
    );
    expect(await speak((socket) => socket.write(asking))).toBeLessThan(2500);
    await works();
  });

  test('gives a name that is none is not accepted', async () => {
    for (const [index, name] of [
      ['7', 'short'],
      ['xx', 'letters'],
      ['20', 'a b'],
    ] as const) {
      const plugin = NriPlugin.spawn(place, index, name);
      plugins.push(plugin);
      await plugin.exited;
      expect(plugin.events().map(({ event }) => event)).not.toContain('Configure');
    }
    await works();
  });
});

test('at its end the server takes its plug-ins with it, and the socket', async () => {
  const guest = await start('40', 'guest');
  await removePod(world, pod);
  await world.gantry.daemon.stop();
  await guest.wait('Closed');
  await eventually(
    () => eventsIn(installedLog).map(({ event }) => event),
    (events) => events.includes('Closed') || events.includes('Shutdown'),
  );
  expect(existsSync(place.socket)).toBe(false);
  await world.gantry.daemon.start();
});

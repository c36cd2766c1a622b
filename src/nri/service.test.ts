import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Messages } from './generated/messages.ts';
import { NriService } from './service.ts';
import { type Answers, bareSpec, FakePlugin, FakeRuntime } from './testing.ts';
import type { NriRuntime } from './types.ts';

let directory: string;
let service: NriService;
let plugins: FakePlugin[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-nri-'));
  plugins = [];
  const options = {
    socket: join(directory, 's'),
    pluginDir: join(directory, 'none'),
    pluginConfigDir: directory,
    registrationTimeout: 2_000,
    requestTimeout: 300,
    requiredPlugins: [],
    tolerateAnnotation: '',
  };
  service = new NriService(options, pino({ level: 'silent' }));
});
afterEach(async () => {
  for (const plugin of plugins) plugin.close();
  await service.close();
  rmSync(directory, { recursive: true });
});

async function connected(answers: Answers, index = '10', name = 'fake'): Promise<FakePlugin> {
  const plugin = new FakePlugin(join(directory, 's'), answers);
  plugins.push(plugin);
  await plugin.register(index, name);
  await vi.waitFor(() => expect(plugin.heard.at(-1)).toBe('Synchronize'));
  await service.postUpdatePodSandbox('pod'); // whatever comes next comes after it has joined
  return plugin;
}

async function started(runtime: NriRuntime = new FakeRuntime()): Promise<void> {
  await service.start(runtime);
}

describe('a plug-in', () => {
  it('that is older than an event hears of it as a change of state, the second time at once', async () => {
    await started();
    const seen: string[] = [];
    const plugin = await connected({
      StateChange: ({ event }) => {
        seen.push(event);
        return {};
      },
    });
    for (const _ of [1, 2]) await service.postCreateContainer('c');
    expect(seen).toEqual(['POST_UPDATE_POD_SANDBOX', 'POST_CREATE_CONTAINER', 'POST_CREATE_CONTAINER']);
    // What needs an answer has none: nothing is changed.
    expect(await service.createContainer('c', bareSpec)).toMatchObject({ process: { args: ['true'] } });
    expect(plugin.isOpen).toBe(true);
  });

  it('may evict containers, with an answer or at any time', async () => {
    const runtime = new FakeRuntime(['a', 'b', 'c']);
    await started(runtime);
    const plugin = await connected({
      CreateContainer: () => ({ evict: [{ containerId: 'a', reason: 'room' }] }),
      UpdateContainer: () => ({ evict: [{ containerId: 'b', reason: 'room' }] }),
    });
    await service.createContainer('new', bareSpec);
    const nothing = { memoryLimitInBytes: 0n, cpuShares: 0n, cpuQuota: 0n, cpuPeriod: 0n, oomScoreAdj: 0n };
    const limits = {
      ...nothing,
      cpusetCpus: '',
      cpusetMems: '',
      hugepageLimits: [],
      unified: {},
      memorySwapLimitInBytes: 0n,
    };
    expect(await service.updateContainer('c', limits)).toBeUndefined();
    const update = { containerId: 'bad', linux: { resources: { cpu: { shares: { value: 5 } } } } };
    const { failed } = await plugin.updateContainers({ evict: [{ containerId: 'c' }], update: [update] });
    expect(failed.map(({ containerId }) => containerId)).toEqual(['bad']);
    expect(runtime.evicted).toEqual(['a', 'b', 'c']);
  });

  it('that answers with what is no answer is dropped', async () => {
    await started();
    const plugin = await connected({ CreateContainer: () => Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff]) });
    expect(await service.createContainer('c', bareSpec)).toBe(bareSpec);
    await vi.waitFor(() => expect(plugin.isOpen).toBe(false));
  });

  it('that subscribes to what does not exist is not accepted', async () => {
    await started();
    const plugin = new FakePlugin(join(directory, 's'), { Configure: () => ({ events: 1 << 20 }) });
    plugins.push(plugin);
    await plugin.register('10', 'fake');
    await vi.waitFor(() => expect(plugin.isOpen).toBe(false));
    expect(plugin.heard).toEqual(['Configure']);
  });

  it('cannot register twice', async () => {
    await started();
    const plugin = await connected({});
    await expect(plugin.register('11', 'other')).rejects.toThrow(/registered before/);
  });
});

describe('more than one message holds', () => {
  const ids = Array.from({ length: 600 }, (_, i) => `container-${i}`);
  const long = { ...bareSpec, annotations: { long: 'x'.repeat(16_000) } };

  it('comes in several, and each thing once', async () => {
    await started(new FakeRuntime(ids, long));
    const got: Messages['SynchronizeRequest'][] = [];
    await connected({
      Synchronize: (request) => {
        got.push(request);
        return { more: request.more };
      },
    });
    await vi.waitFor(() => expect(got.at(-1)?.more).toBe(false));
    expect(got.length).toBeGreaterThan(2);
    expect(got.flatMap(({ containers }) => containers.map(({ id }) => id))).toEqual(ids);
    expect(got.flatMap(({ pods }) => pods.map(({ id }) => id))).toEqual(['pod']);
  });

  it('ends a plug-in that does not understand that', async () => {
    await started(new FakeRuntime(ids, long));
    const plugin = new FakePlugin(join(directory, 's'), { Synchronize: () => ({}) });
    plugins.push(plugin);
    await plugin.register('10', 'old');
    await vi.waitFor(() => expect(plugin.isOpen).toBe(false));
  });
});

describe('events', () => {
  it('of a start: what stops in the middle is told afterwards', async () => {
    await started(new FakeRuntime(['c']));
    const answers: Answers = {
      StartContainer: () => ({}),
      PostStartContainer: () => ({}),
      StopContainer: () => ({}),
      PostUpdatePodSandbox: () => ({}),
    };
    const plugin = await connected(answers);
    let stopped = Promise.resolve();
    await service.startContainer('c', async () => {
      stopped = service.stopContainer('c');
    });
    await stopped;
    expect(plugin.heard.slice(-3)).toEqual(['StartContainer', 'PostStartContainer', 'StopContainer']);
    await service.stopContainer('c');
    expect(plugin.heard.filter((name) => name === 'StopContainer')).toHaveLength(1);
  });

  it('of a stop are over for whoever tells it when the updates are made that plug-ins answered with', async () => {
    const runtime = new FakeRuntime(['c', 'other']);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const updated: string[] = [];
    runtime.update = async (id) => {
      await released;
      updated.push(id);
    };
    await started(runtime);
    const limit = { linux: { resources: { memory: { limit: { value: 1_048_576n } } } } };
    await connected({ StopContainer: () => ({ update: [{ containerId: 'other', ...limit }] }) });
    // The exit is followed, and the call that made it tells it, too.
    const followed = service.stopContainer('c');
    const seen = service.stopContainer('c').then(() => [...updated]);
    setTimeout(release, 50);
    expect(await seen).toEqual(['other']);
    await followed;
  });

  it('of a failed start are no more than its begin', async () => {
    await started(new FakeRuntime(['c']));
    const plugin = await connected({ StartContainer: () => ({}), PostStartContainer: () => ({}) });
    await expect(service.startContainer('c', () => Promise.reject(new Error('no program')))).rejects.toThrow(
      'no program',
    );
    expect(plugin.heard.at(-1)).toBe('StartContainer');
    await service.stopContainer('c'); // does not wait for ever
  });
});

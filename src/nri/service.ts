/** NRI as the runtime sees it: events in, adjustments out. Every event, and every synchronization, has its turn alone. */
import type { Socket } from 'node:net';
import {
  describeError,
  GantryError,
  type Logger,
  Mutex,
  type OciResources,
  type OciSpec,
} from '../base/index.ts';
import type { LinuxContainerResources } from '../cri-types/index.ts';
import { applyAdjustment } from './apply.ts';
import { Creation } from './creation.ts';
import type { ContainerInit, Messages, PodSandboxInit } from './generated/messages.ts';
import { type Installed, installedPlugins, type Launched, launch } from './launch.ts';
import { type Listener, listenForPlugins } from './listener.ts';
import { Plugin, type PluginIdentity, type Timeouts } from './plugin.ts';
import { Plugins } from './plugins.ts';
import { Requests } from './requests.ts';
import { checkRequired } from './required.ts';
import { fromCri, toOci } from './resources.ts';
import { synchronize } from './synchronize.ts';
import type { Nri, NriOptions, NriRuntime } from './types.ts';
import { Updates } from './updates.ts';
import { validate } from './validate.ts';
import { containerView, podView } from './views.ts';
import { decode, encode } from './wire.ts';

/** Milliseconds that plug-ins get to take leave. */
const FAREWELL = 500;

type Phase = 'live' | 'stopped';

export class NriService implements Nri {
  readonly #options: NriOptions;
  readonly #log: Logger;
  readonly #timeouts: Timeouts;
  readonly #plugins: Plugins;
  readonly #lock = new Mutex();
  /** What plug-ins have been told of, or would have been; a plug-in that comes later is told of it when it comes. */
  readonly #pods = new Map<string, Phase>();
  readonly #containers = new Map<string, Phase>();
  /** Settles when plug-ins know that the container was started, or was not. */
  readonly #starting = new Map<string, Promise<void>>();
  readonly #stopping = new Map<string, Promise<void>>();
  readonly #launched: Launched[] = [];
  #runtime: NriRuntime | undefined;
  #listener: Listener | undefined;
  readonly #requests: Requests;

  constructor(options: NriOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#timeouts = { registration: options.registrationTimeout, request: options.requestTimeout };
    this.#plugins = new Plugins(log);
    this.#requests = new Requests(() => this.#required, log);
  }

  // --- plug-ins come and go ---

  async start(runtime: NriRuntime): Promise<void> {
    this.#runtime = runtime;
    for (const id of runtime.podIds()) this.#pods.set(id, 'live');
    for (const id of runtime.containerIds()) this.#containers.set(id, 'live');
    const { socket, pluginDir, pluginConfigDir } = this.#options;
    this.#listener = await listenForPlugins(socket, (connection) => void this.#accept(connection));
    const installed = installedPlugins(pluginDir, pluginConfigDir, this.#log);
    await Promise.all(installed.map((plugin) => this.#launch(plugin)));
    this.#log.info({ socket, plugins: this.#plugins.all.map(({ name }) => name) }, 'NRI is on');
  }

  async close(): Promise<void> {
    const all = this.#plugins.all;
    await Promise.allSettled(all.map((plugin) => plugin.call('Shutdown', {}, FAREWELL)));
    for (const plugin of all) plugin.close();
    await this.#listener?.close();
    await Promise.all(this.#launched.map((launched) => launched.stop()));
  }

  async #launch(installed: Installed): Promise<void> {
    try {
      const launched = await launch(installed);
      this.#launched.push(launched);
      if (!(await this.#accept(launched.socket, installed))) await launched.stop();
    } catch (error) {
      this.#log.error({ plugin: installed.path, error: describeError(error) }, 'NRI plug-in not started');
    }
  }

  /** Never rejects. */
  async #accept(socket: Socket, started?: PluginIdentity & { readonly config: string }): Promise<boolean> {
    let name = started === undefined ? '' : `${started.index}-${started.name}`;
    try {
      const hooks = {
        updateContainers: (plugin: string, request: Messages['UpdateContainersRequest']) =>
          this.#requests.unsolicited(plugin, request),
      };
      const plugin = await Plugin.accept(socket, this.#timeouts, hooks, started);
      name = plugin.name;
      await this.#join(plugin);
      this.#log.info({ plugin: name }, 'NRI plug-in connected and synchronized');
      return true;
    } catch (error) {
      socket.destroy();
      this.#log.error({ plugin: name, error: describeError(error) }, 'NRI plug-in was not accepted');
      return false;
    }
  }

  /** Between two events: what came before is in its synchronization, it hears of all that comes after. */
  async #join(plugin: Plugin): Promise<void> {
    const timeout = Math.max(this.#timeouts.registration, this.#timeouts.request);
    const updates = await this.#lock.run(async () => {
      const pods = [...this.#pods].flatMap(([id, phase]) => (phase === 'live' ? some(this.#pod(id)) : []));
      const containers = [...this.#containers].flatMap(([id, phase]) =>
        phase === 'live' ? some(this.#container(id)) : [],
      );
      const wanted = await synchronize(plugin, pods, containers, timeout);
      this.#plugins.add(plugin);
      return wanted;
    });
    await this.#requests.apply(updates);
  }

  // --- pods ---

  async runPodSandbox(podId: string): Promise<void> {
    await this.#lock.run(async () => {
      this.#pods.set(podId, 'live');
      await this.#plugins.ask('RunPodSandbox', () => ({ pod: this.#pod(podId) }));
    });
  }

  async updatePodSandbox(
    podId: string,
    overhead: LinuxContainerResources | undefined,
    resources: LinuxContainerResources | undefined,
  ): Promise<void> {
    await this.#lock.run(() =>
      this.#plugins.ask('UpdatePodSandbox', () => ({
        pod: this.#pod(podId),
        overheadLinuxResources: fromCri(overhead),
        linuxResources: fromCri(resources),
      })),
    );
  }

  async postUpdatePodSandbox(podId: string): Promise<void> {
    await this.#lock.run(() =>
      this.#plugins.notify('PostUpdatePodSandbox', () => ({ pod: this.#pod(podId) })),
    );
  }

  async stopPodSandbox(podId: string): Promise<void> {
    await this.#lock.run(async () => {
      if (this.#pods.get(podId) !== 'live') return;
      this.#pods.set(podId, 'stopped');
      await this.#plugins.notify('StopPodSandbox', () => ({ pod: this.#pod(podId) }));
    });
  }

  async removePodSandbox(podId: string): Promise<void> {
    await this.stopPodSandbox(podId);
    await this.#lock.run(async () => {
      if (!this.#pods.has(podId)) return;
      await this.#plugins.notify('RemovePodSandbox', () => ({ pod: this.#pod(podId) }));
      this.#pods.delete(podId);
    });
  }

  // --- containers ---

  async createContainer(containerId: string, spec: OciSpec): Promise<OciSpec> {
    const { adjusted, updates } = await this.#lock.run(async () => {
      this.#containers.set(containerId, 'live');
      return await this.#create(containerId, spec);
    });
    await this.#requests.apply(updates.list());
    return adjusted;
  }

  async #create(containerId: string, spec: OciSpec): Promise<{ adjusted: OciSpec; updates: Updates }> {
    const asked = this.#container(containerId) ?? {};
    const pod = this.#pod(asked.podSandboxId ?? '') ?? {};
    const creation = new Creation(asked);
    const updates = new Updates(containerId);
    const present = this.#plugins.all.filter((plugin) => !plugin.wants('CreateContainer'));
    await this.#plugins.ask(
      'CreateContainer',
      () => ({ pod, container: creation.container }),
      (plugin, { adjust, update, evict }) => {
        present.push(plugin);
        if (adjust !== undefined) creation.merge(plugin.name, adjust);
        updates.merge(plugin.name, update);
        this.#requests.evict(plugin.name, evict);
      },
    );
    const took = present
      .filter(({ isOpen }) => isOpen)
      .map(({ index, baseName }) => ({ index, name: baseName }));
    checkRequired(this.#options, pod.annotations ?? {}, asked.name ?? '', took);
    const owners = { owners: { [containerId]: creation.owners.message() } };
    const { adjustment: adjust } = creation;
    await validate(this.#plugins.wanting('ValidateContainerAdjustment'), {
      pod,
      container: asked,
      adjust,
      update: updates.list(),
      owners,
      plugins: took,
    });
    if (present.length === 0) return { adjusted: spec, updates };
    const whole = decode('ContainerAdjustment', encode('ContainerAdjustment', adjust));
    const devices = whole.CDIDevices.map(({ name }) => name);
    const injectDevices = await this.#required.prepareDevices(devices);
    const { swapAccounting } = this.#required;
    return { adjusted: applyAdjustment(spec, whole, { swapAccounting, injectDevices }), updates };
  }

  async postCreateContainer(containerId: string): Promise<void> {
    await this.#lock.run(() => this.#notifyOf('PostCreateContainer', containerId));
  }

  async startContainer(containerId: string, start: () => Promise<void>): Promise<void> {
    await this.#lock.run(() => this.#plugins.ask('StartContainer', () => this.#podAndContainer(containerId)));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#starting.set(containerId, promise);
    try {
      await start();
      await this.#lock.run(() => this.#notifyOf('PostStartContainer', containerId));
    } finally {
      this.#starting.delete(containerId);
      resolve();
    }
  }

  async updateContainer(
    containerId: string,
    resources: LinuxContainerResources,
  ): Promise<OciResources | undefined> {
    const updates = await this.#lock.run(async () => {
      const merged = new Updates();
      merged.begin(containerId, fromCri(resources) ?? {});
      await this.#plugins.ask(
        'UpdateContainer',
        () => ({
          ...this.#podAndContainer(containerId),
          linuxResources: merged.resourcesOf(containerId),
        }),
        (plugin, { update, evict }) => {
          merged.merge(plugin.name, update);
          this.#requests.evict(plugin.name, evict);
        },
      );
      return merged;
    });
    await this.#requests.apply(updates.list(containerId));
    if (!updates.concerns(containerId)) return undefined;
    return toOci(updates.resourcesOf(containerId) ?? {}, this.#required.swapAccounting);
  }

  async postUpdateContainer(containerId: string): Promise<void> {
    await this.#lock.run(() => this.#notifyOf('PostUpdateContainer', containerId));
  }

  /** Several may tell of one end: the plug-ins hear of it once, and each caller waits until their updates are made. */
  async stopContainer(containerId: string): Promise<void> {
    const under = this.#stopping.get(containerId);
    if (under !== undefined) return await under;
    const stopping = this.#stop(containerId).finally(() => this.#stopping.delete(containerId));
    this.#stopping.set(containerId, stopping);
    await stopping;
  }

  async #stop(containerId: string): Promise<void> {
    await this.#starting.get(containerId);
    const updates = await this.#lock.run(async () => {
      const merged = new Updates();
      if (this.#containers.get(containerId) !== 'live') return merged;
      this.#containers.set(containerId, 'stopped');
      await this.#plugins.notify(
        'StopContainer',
        () => this.#podAndContainer(containerId),
        (plugin, { update }) => merged.merge(plugin.name, update),
      );
      return merged;
    });
    await this.#requests.apply(updates.list());
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.stopContainer(containerId);
    await this.#lock.run(async () => {
      if (!this.#containers.has(containerId)) return;
      await this.#notifyOf('RemoveContainer', containerId);
      this.#containers.delete(containerId);
    });
  }

  // --- views ---

  get #required(): NriRuntime {
    if (this.#runtime !== undefined) return this.#runtime;
    throw new GantryError({ code: 'internal', operation: 'NRI', message: 'NRI has not been started' });
  }

  #pod(id: string): PodSandboxInit | undefined {
    const facts = this.#required.pod(id);
    return facts === undefined ? undefined : podView(facts);
  }

  #container(id: string): ContainerInit | undefined {
    const facts = this.#required.container(id);
    return facts === undefined ? undefined : containerView(facts);
  }

  #podAndContainer(id: string): { pod: PodSandboxInit; container: ContainerInit } {
    const container = this.#container(id) ?? { id };
    return { pod: this.#pod(container.podSandboxId ?? '') ?? {}, container };
  }

  async #notifyOf(
    event: 'PostCreateContainer' | 'PostStartContainer' | 'PostUpdateContainer' | 'RemoveContainer',
    containerId: string,
  ): Promise<void> {
    await this.#plugins.notify(event, () => this.#podAndContainer(containerId));
  }
}

function some<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

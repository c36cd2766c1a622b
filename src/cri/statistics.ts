import { setImmediate as nextTurn } from 'node:timers/promises';
import { paths, type Roots } from '../base/index.ts';
import type { ContainerStatsInit, PodSandboxStatsInit } from '../cri-types/index.ts';
import type { ContainerRecord, PodReader, SandboxRecord } from '../pod/index.ts';
import {
  type CgroupLayout,
  type CgroupUsage,
  CpuRates,
  DirectoryUsages,
  networkUsage,
  readUsage,
} from '../resources/index.ts';
import { podUsage } from './pod-usage.ts';
import { containerStats, podSandboxStats } from './stats-builders.ts';

/** So many are read before others get a turn: about a millisecond's work. */
const batch = 8;

/** Statistics of pods and containers: what the cgroups say now, rates since the last time, the writable layers' size. */
export class Statistics {
  readonly #layout: CgroupLayout;
  readonly #roots: Roots;
  readonly #rates = new CpuRates();
  readonly #layers = new DirectoryUsages();

  constructor(layout: CgroupLayout, roots: Roots) {
    this.#layout = layout;
    this.#roots = roots;
  }

  /** In the order given. */
  async ofContainers(containers: readonly ContainerRecord[]): Promise<ContainerStatsInit[]> {
    const result: ContainerStatsInit[] = [];
    for (const [index, container] of containers.entries()) {
      if (index % batch === batch - 1) await nextTurn();
      result.push(await this.#ofContainer(container));
    }
    return result;
  }

  /** In the order given, with each pod's running containers. */
  async ofSandboxes(sandboxes: readonly SandboxRecord[], pods: PodReader): Promise<PodSandboxStatsInit[]> {
    const result: PodSandboxStatsInit[] = [];
    for (const sandbox of sandboxes) {
      await nextTurn();
      result.push(await this.#ofSandbox(sandbox, pods));
    }
    return result;
  }

  /** Forgets what is no longer there. Cheap; called with every list. */
  forgetAllBut(pods: PodReader): void {
    const containers = pods.containers();
    this.#rates.keepOnly(new Set([...containers, ...pods.sandboxes()].map(({ id }) => id)));
    this.#layers.keepOnly(new Set(containers.map((c) => c.writablePath)));
  }

  async #ofContainer(container: ContainerRecord): Promise<ContainerStatsInit> {
    const running = container.state.kind === 'running' || container.state.kind === 'created';
    const usage =
      running && container.cgroupPath !== '' ? readUsage(this.#layout, container.cgroupPath) : undefined;
    const layer = container.writablePath === '' ? undefined : await this.#layers.get(container.writablePath);
    return containerStats(container, usage, this.#rate(container.id, usage), layer, paths.pods(this.#roots));
  }

  async #ofSandbox(sandbox: SandboxRecord, pods: PodReader): Promise<PodSandboxStatsInit> {
    const running = pods.containersOf(sandbox.id).filter(({ state }) => state.kind === 'running');
    const usage = podUsage(this.#layout, sandbox, pods);
    const pids = running.flatMap(({ state }) => (state.kind === 'running' ? [state.pid] : []));
    const network =
      sandbox.netnsPath === '' ? undefined : networkUsage(sandbox.netnsPath, [sandbox.pid, ...pids]);
    const containers = await this.ofContainers(running);
    return podSandboxStats(sandbox, usage, this.#rate(sandbox.id, usage), network, containers);
  }

  #rate(id: string, usage: CgroupUsage | undefined): bigint | undefined {
    if (usage?.cpu === undefined) return undefined;
    return this.#rates.rate(id, { timestamp: usage.timestamp, usage: usage.cpu.nanoseconds });
  }
}

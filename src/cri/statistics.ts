import { setImmediate as nextTurn } from 'node:timers/promises';
import { nowNanoseconds, paths, type Roots } from '../base/index.ts';
import type { ContainerStatsInit, PodSandboxMetricsInit, PodSandboxStatsInit } from '../cri-types/index.ts';
import type { ContainerRecord, PodReader, SandboxRecord } from '../pod/index.ts';
import {
  type CgroupLayout,
  type CgroupUsage,
  CpuRates,
  DirectoryUsages,
  type InterfaceUsage,
  networkUsage,
  readCounters,
  readUsage,
} from '../resources/index.ts';
import { podSandboxMetrics } from './pod-metrics/build.ts';
import { type ContainerSample, containerSample } from './pod-metrics/sample.ts';
import { podsByParent, podUsage } from './pod-usage.ts';
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
    const parents = podsByParent(pods);
    for (const sandbox of sandboxes) {
      await nextTurn();
      result.push(await this.#ofSandbox(sandbox, pods, parents));
    }
    return result;
  }

  /** What cAdvisor would measure, in the order given, with each pod's running containers. */
  async metricsOf(sandboxes: readonly SandboxRecord[], pods: PodReader): Promise<PodSandboxMetricsInit[]> {
    const result: PodSandboxMetricsInit[] = [];
    for (const sandbox of sandboxes) {
      const samples: ContainerSample[] = [];
      for (const container of runningOf(sandbox, pods)) {
        await nextTurn();
        const layer = await this.#layers.sum(written(container));
        samples.push(
          containerSample(container, await readCounters(this.#layout, container.cgroupPath), layer),
        );
      }
      const interfaces = interfacesOf(sandbox, pods) ?? [];
      result.push(podSandboxMetrics({ sandbox, interfaces }, samples, nowNanoseconds()));
    }
    return result;
  }

  /** Forgets what is no longer there. Cheap; called with every list. */
  forgetAllBut(pods: PodReader): void {
    const containers = pods.containers();
    this.#rates.keepOnly(new Set([...containers, ...pods.sandboxes()].map(({ id }) => id)));
    this.#layers.keepOnly(new Set(containers.flatMap(written)));
  }

  async #ofContainer(container: ContainerRecord): Promise<ContainerStatsInit> {
    const running = container.state.kind === 'running' || container.state.kind === 'created';
    const usage =
      running && container.cgroupPath !== '' ? readUsage(this.#layout, container.cgroupPath) : undefined;
    const layer = await this.#layers.sum(written(container));
    return containerStats(container, usage, this.#rate(container.id, usage), layer, paths.pods(this.#roots));
  }

  async #ofSandbox(
    sandbox: SandboxRecord,
    pods: PodReader,
    parents: ReadonlyMap<string, number>,
  ): Promise<PodSandboxStatsInit> {
    const whole = podUsage(this.#layout, sandbox, pods, parents);
    const containers = await this.ofContainers(runningOf(sandbox, pods));
    const network = interfacesOf(sandbox, pods);
    const rate = this.#rate(sandbox.id, whole.usage);
    return podSandboxStats({ sandbox, ...whole, rate, network, containers });
  }

  #rate(id: string, usage: CgroupUsage | undefined): bigint | undefined {
    if (usage?.cpu === undefined) return undefined;
    return this.#rates.rate(id, { timestamp: usage.timestamp, usage: usage.cpu.nanoseconds });
  }
}

function runningOf(sandbox: SandboxRecord, pods: PodReader): ContainerRecord[] {
  return pods
    .containersOf(sandbox.id)
    .filter(({ state, cgroupPath }) => state.kind === 'running' && cgroupPath !== '');
}

/** Undefined on the host's network, and for as long as no process is in the pod's. */
function interfacesOf(sandbox: SandboxRecord, pods: PodReader): InterfaceUsage[] | undefined {
  if (sandbox.netnsPath === '') return undefined;
  const pids = pods
    .containersOf(sandbox.id)
    .flatMap(({ state }) => (state.kind === 'running' ? [state.pid] : []));
  return networkUsage(sandbox.netnsPath, [...(sandbox.pid === 0 ? [] : [sandbox.pid]), ...pids]);
}

/** Where what a container writes lies: its layer, and the volumes that its image declares. */
function written({ writablePath, volumesPath }: ContainerRecord): readonly string[] {
  return [writablePath, volumesPath ?? ''].filter((path) => path !== '');
}

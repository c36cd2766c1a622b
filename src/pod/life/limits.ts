/** Limits of a container that changes them while it runs. */
import { basename, join } from 'node:path';
import { describeError, GantryError, type OciResources } from '../../base/index.ts';
import { complete, type LinuxContainerResources } from '../../cri-types/index.ts';
import {
  asLimitError,
  type CgroupLayout,
  onReloaded,
  restoreUnified,
  scopeLimits,
  setUnitProperties,
  unifiedOf,
} from '../../resources/index.ts';
import type { Stage1Client } from '../../stage1/index.ts';
import type { Container } from '../store/sandbox.ts';
import type { Life } from './life.ts';

/**
 * Sets limits on a container, and notes them. Not under the container's mutex: whoever holds that may be waiting for a plug-in
 * which waits for this. Errors: failed-precondition, stage1's.
 */
export async function updateLimits(
  { cgroups }: Pick<Life, 'cgroups'>,
  container: Container,
  resources: OciResources,
  noted: (before: LinuxContainerResources | undefined) => LinuxContainerResources = (before) =>
    overlayLimits(before, resources),
): Promise<void> {
  await container.updating.run(async () => {
    const { kind } = container.state;
    if (kind !== 'created' && kind !== 'running') {
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'update container resources',
        subject: container.id,
        message: `container ${container.id} is ${kind}: only a created or running one has resources to update`,
      });
    }
    const client = container.sandbox.requireClient('update container resources');
    const { config } = container.record;
    await applyLimits(cgroups, container, client, resources);
    const now = noted(config.linux?.resources);
    container.note({ config: { ...config, linux: { ...config.linux, resources: now } } });
  });
}

/** In stage1 first, where the kernel says what it refuses; then in systemd, which would else write the old ones again. */
async function applyLimits(
  cgroups: CgroupLayout,
  container: Container,
  client: Stage1Client,
  resources: OciResources,
): Promise<void> {
  const { cgroupPath, config } = container.record;
  if (!cgroupPath.endsWith('.scope')) return await client.update(container.id, resources).catch(asLimitError);
  const { cpuPeriod = 0n, memoryLimitInBytes = 0n } = config.linux?.resources ?? {};
  const inForce = { period: Number(cpuPeriod), memoryLimit: Number(memoryLimitInBytes) };
  const limits = scopeLimits(resources, inForce);
  await client.update(container.id, limits.resources).catch(asLimitError);
  await setUnitProperties(basename(cgroupPath), limits.properties);
  restoreLimits(cgroups, container);
}

/** What systemd has taken back of a scope's limits. Errors: the kernel's. */
export function restoreLimits(cgroups: CgroupLayout, { record }: Container): void {
  const unified = unifiedOf(cgroups);
  if (unified === undefined || !record.cgroupPath.endsWith('.scope')) return;
  restoreUnified(join(unified.mountPoint, record.cgroupPath), record.config.linux?.resources?.unified ?? {});
}

/** From now on, after each `daemon-reload`, and now: there may have been one while nobody listened. Never rejects. */
export async function keepLimits({ cgroups, cgroupDriver, registry, log }: Life): Promise<void> {
  const restore = (): void => {
    for (const { id } of registry.containers()) {
      const container = registry.anyContainer(id);
      if (container?.state.kind !== 'running') continue;
      try {
        restoreLimits(cgroups, container);
      } catch (error) {
        log.warn({ container: id, error: describeError(error) }, 'a limit could not be restored');
      }
    }
  };
  restore();
  if (cgroupDriver !== 'systemd') return;
  await onReloaded(restore).catch((error: unknown) =>
    log.warn({ error: describeError(error) }, 'reloads of systemd are not heard of'),
  );
}

/** CRI's form of what is in force after an update. Pure. */
export function overlayLimits(
  before: LinuxContainerResources | undefined,
  update: OciResources,
): LinuxContainerResources {
  const { cpu = {}, memory = {} } = update;
  const known = before ?? complete('LinuxContainerResources', {});
  const changed = (value: number | undefined, old: bigint): bigint =>
    value === undefined ? old : BigInt(value);
  const sizes = new Set((update.hugepageLimits ?? []).map(({ pageSize }) => pageSize));
  return {
    ...known,
    cpuPeriod: changed(cpu.period, known.cpuPeriod),
    cpuQuota: changed(cpu.quota, known.cpuQuota),
    cpuShares: changed(cpu.shares, known.cpuShares),
    cpusetCpus: cpu.cpus ?? known.cpusetCpus,
    cpusetMems: cpu.mems ?? known.cpusetMems,
    memoryLimitInBytes: changed(memory.limit, known.memoryLimitInBytes),
    memorySwapLimitInBytes: changed(memory.swap, known.memorySwapLimitInBytes),
    hugepageLimits: [
      ...known.hugepageLimits.filter(({ pageSize }) => !sizes.has(pageSize)),
      ...(update.hugepageLimits ?? []).map(({ pageSize, limit }) => ({ pageSize, limit: BigInt(limit) })),
    ],
    unified: { ...known.unified, ...update.unified },
  };
}

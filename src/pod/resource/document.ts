/** What stage1 executes: CRI's request as an OCI document, after CDI and NRI, and the app's manifest beside it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failpoint, GantryError, type OciSpec } from '../../base/index.ts';
import { requestedDevices } from '../../cdi/index.ts';
import { noNri } from '../../nri/index.ts';
import { scopeLimits } from '../../resources/index.ts';
import { containerSpec, type HostLookups, lookUpHost, relabel, relabelPlan } from '../../security/index.ts';
import { checkManifest, flavorNamed, manifestVersion } from '../../stage1/index.ts';
import { appManifest, containerCgroup } from '../plan/app.ts';
import { flavoredContainer, flavoredPod } from '../plan/flavored.ts';
import { podPidMode } from '../plan/pod.ts';
import { type Container, forExecs, type Sandbox } from '../store/sandbox.ts';
import { resolveImageAccount } from './account.ts';
import { driverOf } from './cgroup.ts';
import { mountPoints } from './mount-points.ts';
import type { AppMaking, AppResource, ResourceHost } from './types.ts';
import { makeVolumes } from './volumes.ts';

/**
 * The documents in the container's directory, and what NRI's plug-ins were told of them. Host paths that have to be there are
 * made (docs/decisions 0005), the log's directory too.
 */
export const document: AppResource = {
  async make(host, making) {
    const { plan, signal } = making;
    const lookups = await lookUpHost(plan.config, plan.logPath === '' ? '' : dirname(plan.logPath), signal);
    const asked = await makeDocument(host, making, lookups);
    const adjusted = await adjustDocument(host, making.entry, asked);
    await relabelVolumes(host, making, lookups);
    signal.throwIfAborted();
    await failpoint('app/nri');
    writeManifests(host, making, adjusted);
    making.document = adjusted;
  },
  async release(host, container) {
    await host.nri.removeContainer(container.id);
  },
};

/** What CRI asks for, its CDI devices with it. Errors: invalid-argument, for all that the configuration may not ask. */
async function makeDocument(host: ResourceHost, making: AppMaking, lookups: HostLookups): Promise<OciSpec> {
  const { entry: container, plan, images, layers } = making;
  const { sandbox } = container;
  const { record: pod } = sandbox;
  const [image] = images;
  const flavor = flavorNamed(pod.flavor);
  const account = resolveImageAccount(plan.config, image.config, layers[0] ?? []);
  const { uid, gid, additionalGids } = account;
  container.patch({ user: { uid, gid, additionalGids } });
  const made = containerSpec(
    {
      sandboxId: sandbox.id,
      containerId: container.id,
      sandbox: flavoredPod(pod.config, flavor),
      container: flavoredContainer(plan.config, flavor),
      image: image.config,
      imageName: plan.image,
      account,
      hostname: readFileSync(sandbox.directory.file('hostname'), 'utf8').trim(),
      netnsPath: pod.netnsPath,
      usernsPath: pod.usernsPath,
      files: podFiles(sandbox),
      seLinuxLevel: pod.seLinuxLevel ?? '',
      volumesDirectory: container.record.volumesPath ?? '',
      cgroupsPath: containerCgroup(driverOf(host, sandbox), pod, container.id).ociPath,
    },
    host.host,
    lookups,
  );
  const { CDIDevices, annotations } = plan.config;
  const devices = requestedDevices(
    CDIDevices.map(({ name }) => name),
    annotations,
  );
  return await host.cdi.inject(made, devices);
}

/** The same after NRI's plug-ins. Errors: a plug-in's refusal; unimplemented for what they want and cannot have. */
async function adjustDocument(host: ResourceHost, container: Container, asked: OciSpec): Promise<OciSpec> {
  if (host.nri === noNri) return asked;
  container.document = asked;
  const adjusted = await host.nri.createContainer(container.id, asked);
  container.document = adjusted;
  const { cgroupsPath = '' } = adjusted.linux;
  if (cgroupsPath === asked.linux.cgroupsPath) return adjusted;
  if (driverOf(host, container.sandbox) === 'systemd') {
    throw new GantryError({
      code: 'unimplemented',
      operation: 'adjust container',
      subject: cgroupsPath,
      message: `an NRI plug-in wants the container in cgroup ${cgroupsPath}; with the systemd driver its scope cannot be changed`,
    });
  }
  container.patch({ cgroupPath: cgroupsPath });
  return adjusted;
}

/** On hosts with SELinux: the volumes that ask for it, and the pod's own files, get the container's label. Idempotent. */
async function relabelVolumes(
  host: ResourceHost,
  { entry: { sandbox }, plan, signal }: AppMaking,
  lookups: HostLookups,
): Promise<void> {
  const { config, seLinuxLevel = '' } = sandbox.record;
  const input = { sandbox: config, container: plan.config, seLinuxLevel, files: podFiles(sandbox) };
  const wanted = relabelPlan(input, host.host, lookups);
  if (wanted !== undefined) await relabel(wanted, signal);
}

function podFiles({ directory }: Sandbox): { hostname: string; hosts: string; resolvConf: string } {
  return {
    hostname: directory.file('hostname'),
    hosts: directory.file('hosts'),
    resolvConf: directory.file('resolv.conf'),
  };
}

/**
 * The two documents that stage1 executes, in the version of the contract that the pod's stage1 speaks. Layers: the container's own
 * image's, then those of its volumes'. Errors: unimplemented for what a stage1 of an older release would pass over.
 */
function writeManifests(host: ResourceHost, making: AppMaking, spec: OciSpec): void {
  const { entry: container, plan } = making;
  const { record, sandbox } = container;
  const hello = sandbox.client?.hello;
  const [layers = [], ...volumes] = making.layers;
  const asPlaced = placedBySystemd(host, container) ? underSystemd(container, spec) : spec;
  const app = appManifest({
    contractVersion: manifestVersion(hello),
    plan,
    containerId: container.id,
    layers,
    volumes,
    writable: record.writablePath,
    declared: makeVolumes(record.volumesPath ?? '', spec),
    mountPoints: mountPoints(host.roots),
    stopSignal: record.stopSignal,
    log: making.owner.logSink(plan.logPath),
    podPid: podPidMode(sandbox.record),
    spec: asPlaced,
  });
  checkManifest(hello, app);
  // stage1 reads them at Create, which comes after.
  writeFileSync(join(container.path, 'app.json'), JSON.stringify(app), { mode: 0o600 });
  writeFileSync(join(container.path, 'config.json'), JSON.stringify(asPlaced), { mode: 0o600 });
  container.execSpec = forExecs(spec);
  container.document = undefined;
}

function placedBySystemd(host: ResourceHost, { sandbox, id }: Container): boolean {
  return containerCgroup(driverOf(host, sandbox), sandbox.record, id).scope !== undefined;
}

/** systemd is told the limits as well, in the form that it keeps; stage1 writes the same ones. */
function underSystemd(container: Container, spec: OciSpec): OciSpec {
  const { resources, properties } = scopeLimits(spec.linux.resources ?? {});
  container.unitProperties = properties;
  return { ...spec, linux: { ...spec.linux, resources } };
}

/** The steps that CreateContainer is made of, each leaving what its undo takes back. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deadlines, GantryError, newId, nowNanoseconds, type OciSpec } from '../../base/index.ts';
import { requestedDevices } from '../../cdi/index.ts';
import type { ImageRecord } from '../../image/index.ts';
import { noNri } from '../../nri/index.ts';
import { type CgroupPath, cgroupPath, startScope } from '../../resources/index.ts';
import {
  containerSpec,
  type HostLookups,
  lookUpHost,
  relabel,
  relabelPlan,
  stopSignal,
} from '../../security/index.ts';
import { checkManifest, type LayerMount, manifestVersion, type Stage1Client } from '../../stage1/index.ts';
import { publish } from '../life/exits.ts';
import type { ContainerRecord } from '../model/record.ts';
import { advance } from '../model/state.ts';
import { appManifest, type ContainerPlan } from '../plan/app.ts';
import { podPidMode } from '../plan/pod.ts';
import type { PodService } from '../service.ts';
import type { Sandbox } from '../store/sandbox.ts';
import { Container } from '../store/sandbox.ts';
import { resolveImageAccount } from './account.ts';
import { mountPoints } from './mount-points.ts';

/** In memory: not shown to anybody until it is committed. */
export function makeContainer(
  pods: PodService,
  sandbox: Sandbox,
  plan: ContainerPlan,
  image: ImageRecord,
  volumeImages: readonly ImageRecord[] = [],
): Container {
  const id = newId();
  const record: ContainerRecord = {
    version: 1,
    id,
    sandboxId: sandbox.id,
    name: plan.name,
    config: plan.config,
    imageId: image.id,
    imageRef: plan.image,
    ...(volumeImages.length === 0 ? {} : { volumeImageIds: volumeImages.map((volume) => volume.id) }),
    createdAt: nowNanoseconds(),
    state: { kind: 'creating' },
    cgroupPath: containerCgroup(pods, sandbox, id).path,
    logPath: plan.logPath,
    stopSignal: stopSignal(plan.config.stopSignal, image.config.stopSignal),
    writablePath: join(sandbox.directory.app(id), 'writable'),
    user: { uid: 0, gid: 0, additionalGids: [] },
  };
  const container = new Container(sandbox, record, pods.log);
  container.inMaking = true;
  pods.addContainer(container);
  return container;
}

/** On disk: its directory, the record, the writable layer's place. `removeTree(container.path)` takes it back. */
export function writeContainerDirectory(container: Container): void {
  mkdirSync(container.path, { mode: 0o700 });
  container.save({});
  // The root directory of the container is its mode.
  mkdirSync(container.record.writablePath, { mode: 0o755 });
}

/**
 * What the host has at the paths that the container names; those that have to be there are made, the log's directory too. Errors:
 * invalid-argument, deadline-exceeded for a file system that does not answer: both name the path.
 */
export function lookAtHostPaths(plan: ContainerPlan, signal: AbortSignal): Promise<HostLookups> {
  return lookUpHost(plan.config, plan.logPath === '' ? '' : dirname(plan.logPath), signal);
}

/** What CRI asks for as an OCI document, its CDI devices with it. Errors: invalid-argument, for all that the configuration may not ask. */
export async function makeDocument(
  pods: PodService,
  container: Container,
  { plan, image, lookups }: { plan: ContainerPlan; image: ImageRecord; lookups: HostLookups },
  layers: readonly LayerMount[],
): Promise<OciSpec> {
  const { sandbox } = container;
  const { record: pod } = sandbox;
  const account = resolveImageAccount(plan.config, image.config, layers);
  const { uid, gid, additionalGids } = account;
  container.patch({ user: { uid, gid, additionalGids } });
  const document = containerSpec(
    {
      sandboxId: sandbox.id,
      containerId: container.id,
      sandbox: pod.config,
      container: plan.config,
      image: image.config,
      imageName: plan.image,
      account,
      hostname: readFileSync(sandbox.directory.file('hostname'), 'utf8').trim(),
      netnsPath: pod.netnsPath,
      usernsPath: pod.usernsPath,
      files: podFiles(sandbox),
      seLinuxLevel: pod.seLinuxLevel ?? '',
      cgroupsPath: containerCgroup(pods, sandbox, container.id).ociPath,
    },
    pods.host,
    lookups,
  );
  const { CDIDevices, annotations } = plan.config;
  const devices = requestedDevices(
    CDIDevices.map(({ name }) => name),
    annotations,
  );
  return await pods.cdi.inject(document, devices);
}

/** On hosts with SELinux: the volumes that ask for it, and the pod's own files, get the container's label. Idempotent. */
export async function relabelVolumes(
  pods: PodService,
  { sandbox }: Container,
  { plan, lookups }: { plan: ContainerPlan; lookups: HostLookups },
  signal: AbortSignal,
): Promise<void> {
  const { config, seLinuxLevel = '' } = sandbox.record;
  const input = { sandbox: config, container: plan.config, seLinuxLevel, files: podFiles(sandbox) };
  const wanted = relabelPlan(input, pods.host, lookups);
  if (wanted !== undefined) await relabel(wanted, signal);
}

function podFiles({ directory }: Sandbox): { hostname: string; hosts: string; resolvConf: string } {
  return {
    hostname: directory.file('hostname'),
    hosts: directory.file('hosts'),
    resolvConf: directory.file('resolv.conf'),
  };
}

/** The same after NRI's plug-ins. Errors: a plug-in's refusal; unimplemented for what they want and cannot have. */
export async function adjustDocument(
  pods: PodService,
  container: Container,
  document: OciSpec,
): Promise<OciSpec> {
  if (pods.nri === noNri) return document;
  container.document = document;
  const adjusted = await pods.nri.createContainer(container.id, document);
  container.document = adjusted;
  const { cgroupsPath = '' } = adjusted.linux;
  if (cgroupsPath === document.linux.cgroupsPath) return adjusted;
  if (pods.config.cgroupDriver === 'systemd') {
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

/**
 * The two documents that stage1 executes, in the version of the contract that the pod's stage1 speaks. Layers: the container's own
 * image's, then those of its volumes'. Errors: unimplemented for what a stage1 of an older release would pass over.
 */
export function writeManifests(
  pods: PodService,
  container: Container,
  plan: ContainerPlan,
  spec: OciSpec,
  [layers = [], ...volumes]: readonly (readonly LayerMount[])[],
): void {
  const { record, sandbox } = container;
  const hello = sandbox.client?.hello;
  const app = appManifest({
    contractVersion: manifestVersion(hello),
    plan,
    containerId: container.id,
    layers,
    volumes,
    writable: record.writablePath,
    mountPoints: mountPoints(pods.roots),
    stopSignal: record.stopSignal,
    podPid: podPidMode(sandbox.record),
    spec,
  });
  checkManifest(hello, app);
  // stage1 reads them at Create, which comes after.
  writeFileSync(join(container.path, 'app.json'), JSON.stringify(app), { mode: 0o600 });
  writeFileSync(join(container.path, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
  container.execSpec = forExecs(spec);
  container.document = undefined;
}

/**
 * At the barrier: the process exists and is in its cgroup. What it returns lets it pass, and resolves when all but the exec is
 * done. Deleting the app takes it back.
 */
export async function createToBarrier(
  pods: PodService,
  container: Container,
  client: Stage1Client,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const { scope } = containerCgroup(pods, container.sandbox, container.id);
  const creating = client.create(container.id, signal);
  if (scope === undefined) {
    // cgroupfs: it has gone there itself, and nobody need look at it at the barrier. So one way to stage1, not two.
    const continued = client.continue(container.id, signal);
    continued.catch(() => undefined); // Create says why
    await creating;
    return () => continued;
  }
  const description = `Gantry container ${container.record.name}`;
  await startScope({ pid: await creating, ...scope, description }, AbortSignal.timeout(deadlines.scope));
  return () => client.continue(container.id, signal);
}

/** From now on it is there for everybody. Errors: those of writing; failed-precondition when the pod ended meanwhile. */
export function commitContainer(pods: PodService, container: Container): void {
  const { sandbox } = container;
  if (sandbox.state.kind !== 'ready') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'create container',
      subject: sandbox.id,
      message: `pod sandbox ${sandbox.id} was stopped while container "${container.record.name}" was being created`,
    });
  }
  container.save({ state: advance('container', container.id, container.state, { kind: 'created' }) });
  container.inMaking = false;
  pods.nameContainer(container);
  publish(pods, container, 'created');
}

function containerCgroup(pods: PodService, sandbox: Sandbox, id: string): CgroupPath {
  return cgroupPath(pods.config.cgroupDriver, sandbox.record.cgroupParent, id);
}

/** The document, for its process; read from disk where this server did not make the container. */
export function execSpec(container: Container): OciSpec {
  container.execSpec ??= forExecs(
    JSON.parse(readFileSync(join(container.path, 'config.json'), 'utf8')) as OciSpec,
  );
  return container.execSpec;
}

function forExecs(spec: OciSpec): OciSpec {
  return { ...spec, mounts: [], linux: {} };
}

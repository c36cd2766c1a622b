/** The steps that RunPodSandbox is made of, each leaving what its undo takes back. */
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deadlines, native, newId, nowNanoseconds } from '../../base/index.ts';
import { readHostTemplate } from '../../host-files/index.ts';
import { hostResolvConf, type NetworkRecord, renderResolvConf } from '../../network/index.ts';
import { absentParents, startScope } from '../../resources/index.ts';
import { podLevel } from '../../security/index.ts';
import { link, onEvent } from '../life/link.ts';
import { eventOf } from '../model/events.ts';
import type { SandboxRecord } from '../model/record.ts';
import { networkRequest, podManifest, type SandboxPlan, sandboxCgroup } from '../plan/pod.ts';
import type { PodService } from '../service.ts';
import { bootId, netnsPathOf, PodDirectory } from '../store/directory.ts';
import { Sandbox } from '../store/sandbox.ts';

/** The directory, locked by us, and a record that names all that is going to be made on the host. */
export function makeSandbox(pods: PodService, plan: SandboxPlan): Sandbox {
  const id = newId();
  const directory = new PodDirectory(pods.roots, id);
  const { path, scope } = sandboxCgroup(plan, pods.config.cgroupDriver, id);
  // With systemd it makes and removes them.
  const newCgroups = scope === undefined ? absentParents(pods.cgroups, path) : [];
  const record: SandboxRecord = {
    version: 1,
    id,
    owner: 'cri',
    name: plan.name,
    config: plan.config,
    runtimeHandler: plan.handler,
    flavor: plan.flavor.name,
    createdAt: nowNanoseconds(),
    bootId: bootId(),
    state: { kind: 'creating' },
    netnsPath: plan.namespaces.ownNetwork ? netnsPathOf(id) : '',
    usernsPath: plan.namespaces.userns === undefined ? '' : directory.userns,
    network: undefined,
    cgroupPath: path,
    cgroupParent: plan.cgroupParent,
    cgroupDriver: pods.config.cgroupDriver,
    ...(newCgroups.length === 0 ? {} : { newCgroups }),
    seLinuxLevel: podLevel(plan.config, pods, pods.host),
    pid: 0,
  };
  const sandbox = new Sandbox(directory, record, pods.log);
  pods.addSandbox(sandbox);
  return sandbox;
}

/** On disk: the directory, its lock, the record. Whatever fails of it, `directory.remove()` takes back. */
export function writePodDirectory(sandbox: Sandbox): void {
  sandbox.holdLock(sandbox.directory.create());
  sandbox.save({});
}

/** Takes it back, the lock too. Idempotent. */
export async function discardDirectory(sandbox: Sandbox): Promise<void> {
  sandbox.releaseLock();
  await sandbox.directory.remove();
}

/** What stage1 reads. Nobody does before stage1 is started, so it need not be replaced atomically. */
export function writePodManifest(pods: PodService, sandbox: Sandbox, plan: SandboxPlan): void {
  const { directory } = sandbox;
  const manifest = podManifest({
    plan,
    podId: sandbox.id,
    controlSocket: directory.controlSocket,
    cgroup: sandboxCgroup(plan, pods.config.cgroupDriver, sandbox.id),
    driver: pods.config.cgroupDriver,
    netnsPath: sandbox.record.netnsPath,
    usernsPath: sandbox.record.usernsPath,
    seLinuxLevel: sandbox.record.seLinuxLevel ?? '',
    host: pods.host,
  });
  writeFileSync(directory.manifest, JSON.stringify(manifest), { mode: 0o600 });
}

/** What containers see of the pod at /etc. */
export async function writePodFiles(
  { directory }: Sandbox,
  plan: SandboxPlan,
  signal: AbortSignal,
): Promise<void> {
  const { dnsConfig } = plan.config;
  const [hosts, hostDns] = await Promise.all([
    readHostTemplate('/etc/hosts', signal),
    hostResolvConf(plan.namespaces.ownNetwork, (path) => readHostTemplate(path, signal)),
  ]);
  const resolvConf = renderResolvConf(dnsConfig, hostDns);
  writeFileSync(directory.file('hostname'), `${plan.hostname}\n`, { mode: 0o644 });
  writeFileSync(directory.file('hosts'), hosts, { mode: 0o644 });
  writeFileSync(directory.file('resolv.conf'), resolvConf, { mode: 0o644 });
}

/** The network's addresses, as it announces and returns them; its record is the sandbox's from its first effect on. */
export async function setUpNetwork(
  pods: PodService,
  sandbox: Sandbox,
  plan: SandboxPlan,
  signal: AbortSignal,
): Promise<void> {
  const announce = (network: NetworkRecord): void => {
    sandbox.claimNetwork(network, network.kind === 'cni');
  };
  const request = networkRequest(plan, sandbox.id, sandbox.record.netnsPath);
  const network = await pods.network.setUp(request, announce, signal);
  // Written with the commit that follows; after a crash before it, what was announced is torn down.
  sandbox.patch({ network });
}

/** stage1 started and ready; PID 1 of a shared pid namespace, or 0. Its events reach the pod from now on. */
export async function launchStage1(pods: PodService, sandbox: Sandbox, plan: SandboxPlan): Promise<number> {
  const { lockFd } = sandbox;
  if (lockFd === undefined) throw new Error(`sandbox ${sandbox.id} is launched without its lock`);
  const { scope, path } = sandboxCgroup(plan, pods.config.cgroupDriver, sandbox.id);
  const description = `Gantry pod ${sandbox.record.name}`;
  const launching = pods.control.launch({
    flavor: plan.flavor.name,
    podDirectory: sandbox.directory.path,
    lockFd,
    cgroupPath: scope === undefined ? path : '',
    deadline: deadlines.launch,
    ...(scope === undefined
      ? {}
      : {
          place: (pid) => startScope({ pid, ...scope, description }, AbortSignal.timeout(deadlines.launch)),
        }),
    onEvent: (event) => onEvent(pods, sandbox, event),
  });
  // It is spawned by now, with the lock; our own copy would keep a dead pod's lock held.
  sandbox.releaseLock();
  const { client, sandboxPid } = await launching;
  link(pods, sandbox, client);
  return sandboxPid;
}

/** From now on it is there for everybody. Errors: those of writing the record. */
export function commitSandbox(pods: PodService, sandbox: Sandbox, pid: number): void {
  sandbox.save({ state: { kind: 'ready' }, pid });
  pods.nameSandbox(sandbox);
  for (const type of ['created', 'started'] as const) {
    pods.events.publish(eventOf(type, sandbox));
  }
}

/**
 * The namespaces that outlive stage1, the user namespace first, which owns the other. Their paths are in the record already:
 * start-up finds them after a crash.
 */
export async function makeNamespaces(sandbox: Sandbox, { namespaces }: SandboxPlan): Promise<void> {
  const { netnsPath, usernsPath } = sandbox.record;
  const { userns } = namespaces;
  if (userns !== undefined) await native().usernsCreate(usernsPath, userns.uidMap, userns.gidMap);
  if (netnsPath === '') return;
  // Nobody else makes it: not the distribution, and after a boot it is gone.
  await native().netnsDirectory(dirname(netnsPath));
  await (usernsPath === '' ? native().netnsCreate(netnsPath) : native().netnsCreate(netnsPath, usernsPath));
}

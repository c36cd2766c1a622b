/** A pod or a container comes to be: its plan's resources forwards; whatever fails, backwards. */
import { failpoint, GantryError, newId, nowNanoseconds } from '../../base/index.ts';
import type { ImageRecord } from '../../image/index.ts';
import { absentParents } from '../../resources/index.ts';
import { podLevel } from '../../security/index.ts';
import { fillsVolumes } from '../../stage1/index.ts';
import type { Owner } from '../model/owner.ts';
import { type AppFacts, type ContainerPlan, containerRecord } from '../plan/app.ts';
import { type PodFacts, podRecord, type SandboxPlan } from '../plan/pod.ts';
import { appResources, podResources } from '../plan/resources.ts';
import { driverOf } from '../resource/cgroup.ts';
import { appResourceOf, podResourceOf } from '../resource/index.ts';
import type { AppMaking, PodMaking } from '../resource/types.ts';
import { bootId, netnsPathOf, PodDirectory } from '../store/directory.ts';
import { Makings } from '../store/makings.ts';
import { Container, Sandbox } from '../store/sandbox.ts';
import { endUnmadePod } from './end.ts';
import { endUnmadeContainer } from './end-container.ts';
import { publish } from './exits.ts';
import type { Life } from './life.ts';
import { tellPodRun } from './nri-tell.ts';
import { makeAll } from './walk.ts';

/** A ready pod, or an error and nothing of it. What could not be taken back stays, not ready, and is tried again. */
export function makePod(life: Life, plan: SandboxPlan, owner: Owner): Promise<Sandbox> {
  return new Makings().run(plan.name, (signal) => makePodNow(life, plan, owner, signal));
}

async function makePodNow(
  life: Life,
  plan: SandboxPlan,
  owner: Owner,
  signal: AbortSignal,
): Promise<Sandbox> {
  const facts = podFacts(life, plan, owner);
  const directory = new PodDirectory(life.roots, facts.id);
  const sandbox = new Sandbox(directory, podRecord(plan, owner, facts), life.log);
  life.registry.addSandbox(sandbox);
  try {
    const making: PodMaking = { entry: sandbox, plan, facts, signal, pid: 0 };
    await makeAll(life, podResources(sandbox.record), podResourceOf, making);
    await tellPodRun(life, sandbox, making.pid);
    await failpoint('pod/nri');
    sandbox.save({ state: { kind: 'ready' }, pid: making.pid });
    life.registry.nameSandbox(sandbox);
    for (const type of ['created', 'started'] as const) publish(life, type, sandbox);
    await failpoint('pod/commit');
    return sandbox;
  } catch (error) {
    await endUnmadePod(life, sandbox);
    throw error;
  }
}

function podFacts(life: Life, plan: SandboxPlan, owner: Owner): PodFacts {
  const id = newId();
  const directory = new PodDirectory(life.roots, id);
  const cgroup = owner.podCgroup(life.cgroupDriver, plan.cgroupParent, id);
  return {
    id,
    createdAt: nowNanoseconds(),
    bootId: bootId(),
    host: life.host,
    cgroupDriver: life.cgroupDriver,
    cgroup,
    // With systemd it makes and removes them.
    newCgroups: cgroup.scope === undefined ? absentParents(life.cgroups, cgroup.path) : [],
    seLinuxLevel: podLevel(plan.config, life.registry, life.host),
    netnsPath: netnsPathOf(id),
    usernsPath: directory.userns,
    controlSocket: directory.controlSocket,
  };
}

type Images = readonly [ImageRecord, ...ImageRecord[]];

/**
 * A created container, or an error and nothing of it. `images`: its own, then those that its mounts show. Whatever ends the pod
 * makes it give up.
 */
export function makeContainer(
  life: Life,
  sandbox: Sandbox,
  plan: ContainerPlan,
  images: Images,
): Promise<Container> {
  return sandbox.making.run(plan.name, async (signal) => {
    sandbox.requireClient('create container');
    const record = containerRecord(plan, sandbox.record, appFacts(life, sandbox, images));
    const container = new Container(sandbox, record, life.log);
    const owner = life.owners(sandbox.record.owner);
    await makeContainerNow(life, { entry: container, plan, owner, images, signal, layers: [] });
    return container;
  });
}

async function makeContainerNow(life: Life, making: AppMaking): Promise<void> {
  const { entry: container } = making;
  container.inMaking = true;
  life.registry.addContainer(container);
  try {
    await makeAll(life, appResources(), appResourceOf, making);
    commit(life, container);
    await failpoint('app/commit');
    await life.nri.postCreateContainer(container.id);
  } catch (error) {
    await endUnmadeContainer(life, container);
    throw error;
  } finally {
    container.inMaking = false;
  }
}

function appFacts(life: Life, sandbox: Sandbox, [image, ...volumeImages]: Images): AppFacts {
  const id = newId();
  return {
    id,
    createdAt: nowNanoseconds(),
    cgroupDriver: driverOf(life, sandbox),
    writablePath: sandbox.directory.writable(id),
    volumesPath: fillsVolumes(sandbox.client?.hello) ? sandbox.directory.volumes(id) : '',
    image,
    volumeImages,
  };
}

/** From now on it is there for everybody. Errors: those of writing; failed-precondition when the pod ended meanwhile. */
function commit(life: Life, container: Container): void {
  const { sandbox } = container;
  if (sandbox.state.kind !== 'ready') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'create container',
      subject: sandbox.id,
      message: `pod sandbox ${sandbox.id} was stopped while container "${container.record.name}" was being created`,
    });
  }
  container.save({ state: { kind: 'created' } });
  life.registry.nameContainer(container);
  publish(life, 'created', sandbox, container);
}

/** The pods of one root: made from the parts of a server, recovered, let go of. */

import type { Logger, Roots } from '../../base/index.ts';
import { type Cdi, CdiRegistry, lookAtNodes } from '../../cdi/index.ts';
import type { ServerConfig } from '../../config/index.ts';
import type { ImageService } from '../../image/index.ts';
import type { PodNetwork } from '../../network/index.ts';
import { type Nri, noNri } from '../../nri/index.ts';
import { readLayout } from '../../resources/index.ts';
import { readHostFacts } from '../../security/index.ts';
import { loadControl } from '../../stage1/index.ts';
import { EventBus } from '../model/events.ts';
import type { Owners } from '../model/owner.ts';
import { Names } from '../store/names.ts';
import { Registry } from '../store/registry.ts';
import { applyAppStates } from './exits.ts';
import type { Life } from './life.ts';
import { keepLimits } from './limits.ts';
import { recover } from './recover.ts';
import { Retries } from './retries.ts';
import { connect, onEvent } from './settle.ts';
import { Warnings } from './warnings.ts';

export interface PodDependencies {
  readonly config: ServerConfig;
  readonly roots: Roots;
  readonly log: Logger;
  readonly images: ImageService;
  readonly network: PodNetwork;
  readonly owners: Owners;
  /** Absent: off. */
  readonly nri?: Nri;
}

export interface OpenPods {
  readonly life: Life;
  /** Lets go of every pod; they run on. */
  close(): void;
}

/** Reads every record, adopts live pods, accounts for dead ones. Nothing that a record holds makes it fail. */
export async function openPods(dependencies: PodDependencies): Promise<OpenPods> {
  const { config, roots, log, images, network, owners, nri = noNri } = dependencies;
  const closing = new AbortController();
  const cgroups = readLayout();
  const cdi: Cdi = new CdiRegistry(config.cdiSpecDirs, lookAtNodes, log);
  const life: Life = {
    ...{ roots, log, images, network, owners, nri, cdi, cgroups },
    cgroupDriver: config.cgroupDriver,
    control: await loadControl(),
    host: readHostFacts(cgroups),
    registry: new Registry(),
    events: new EventBus(),
    sandboxNames: new Names('sandbox'),
    containerNames: new Names('container'),
    retries: new Retries(log, closing.signal),
    warnings: new Warnings(),
    closing: closing.signal,
    settled: Promise.resolve(),
    onEvent: (sandbox, event) => onEvent(life, sandbox, event),
    onReady: (sandbox, client) => connect(life, sandbox, client),
    onStates: (sandbox, apps) => applyAppStates(life, sandbox, apps),
  };
  await recover(life);
  void keepLimits(life);
  const close = (): void => {
    closing.abort();
    for (const sandbox of life.registry.allSandboxes()) sandbox.detach();
  };
  return { life, close };
}

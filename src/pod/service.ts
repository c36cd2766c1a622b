/** The pods of one root, and what they are made with. Calls are functions beside this file that take the service. */
import type { Logger, Roots } from '../base/index.ts';
import { type Cdi, CdiRegistry, lookAtNodes } from '../cdi/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { ImageService } from '../image/index.ts';
import type { PodNetwork } from '../network/index.ts';
import { type Nri, noNri } from '../nri/index.ts';
import type { CgroupLayout } from '../resources/index.ts';
import { readLayout } from '../resources/index.ts';
import { type HostFacts, readHostFacts } from '../security/index.ts';
import { type Control, loadControl } from '../stage1/index.ts';
import { recover } from './life/recover.ts';
import { Retries } from './life/retries.ts';
import { Warnings } from './life/warnings.ts';
import { EventBus } from './model/events.ts';
import { Names } from './store/names.ts';
import { Registry } from './store/registry.ts';

export interface PodDependencies {
  readonly config: ServerConfig;
  readonly roots: Roots;
  readonly log: Logger;
  readonly images: ImageService;
  readonly network: PodNetwork;
  /** Absent: off. */
  readonly nri?: Nri;
}

/** One a root. Reading is in memory (PodReader); changing goes through one mutex a sandbox and one a container. */
export class PodService extends Registry {
  readonly config: ServerConfig;
  readonly roots: Roots;
  readonly log: Logger;
  readonly images: ImageService;
  readonly network: PodNetwork;
  readonly nri: Nri;
  readonly cdi: Cdi;
  readonly control: Control;
  readonly cgroups: CgroupLayout;
  readonly host: HostFacts;
  readonly events = new EventBus();
  readonly warnings = new Warnings();
  readonly sandboxNames = new Names('sandbox');
  readonly containerNames = new Names('container');
  /** What start-up left to be done in the background: dead pods' networks. Never rejects. */
  settled: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  readonly retries: Retries;

  private constructor(dependencies: PodDependencies, control: Control) {
    super();
    this.config = dependencies.config;
    this.roots = dependencies.roots;
    this.log = dependencies.log;
    this.images = dependencies.images;
    this.network = dependencies.network;
    this.nri = dependencies.nri ?? noNri;
    this.cdi = new CdiRegistry(dependencies.config.cdiSpecDirs, lookAtNodes, dependencies.log);
    this.control = control;
    this.retries = new Retries(dependencies.log, this.#closing.signal);
    this.cgroups = readLayout();
    this.host = readHostFacts(this.cgroups);
  }

  /** Reads every record, adopts live pods, accounts for dead ones. Nothing that a record holds makes it fail. */
  static async open(dependencies: PodDependencies): Promise<PodService> {
    const service = new PodService(dependencies, await loadControl());
    await recover(service);
    return service;
  }

  /** Lets go of every pod; they run on. */
  close(): void {
    this.#closing.abort();
    for (const sandbox of this.allSandboxes()) sandbox.detach();
  }

  /** Aborts at the end. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }
}

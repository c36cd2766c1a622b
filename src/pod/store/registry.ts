import { GantryError } from '../../base/index.ts';
import type { ContainerRecord, PodReader, SandboxRecord } from '../model/record.ts';
import type { Container, Sandbox } from './sandbox.ts';

/** A pod that has a directory, and no record that this release understands. */
export interface UnknownPod {
  readonly id: string;
  readonly kind: 'absent' | 'unreadable' | 'torn' | 'foreign';
  readonly message: string;
}

/** Every pod and container of this root, in memory: what lists and statuses read. */
export class Registry implements PodReader {
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, Container>();
  /** Of what is not `creating`: `owner/name` → ID. */
  readonly #names = new Map<string, string>();

  /** Those that could not be read or understood, by ID: they are left as they are. */
  readonly unknownPods = new Map<string, UnknownPod>();

  // --- PodReader: what others see; nothing that is still being made ---

  sandboxes(): readonly SandboxRecord[] {
    return records(this.#sandboxes.values());
  }

  containers(): readonly ContainerRecord[] {
    return records(this.#containers.values());
  }

  sandbox(id: string): SandboxRecord | undefined {
    return visible(this.#sandboxes.get(id));
  }

  container(id: string): ContainerRecord | undefined {
    return visible(this.#containers.get(id));
  }

  containersOf(sandboxId: string): readonly ContainerRecord[] {
    return records(this.#sandboxes.get(sandboxId)?.containers.values() ?? []);
  }

  requireSandbox(idOrPrefix: string): SandboxRecord {
    return this.requireSandboxObject(idOrPrefix).record;
  }

  requireContainer(idOrPrefix: string): ContainerRecord {
    return this.requireContainerObject(idOrPrefix).record;
  }

  // --- for the folder itself and the calls that change something ---

  /** Those that are being made too; by whole IDs. */
  anySandbox(id: string): Sandbox | undefined {
    return this.#sandboxes.get(id);
  }

  anyContainer(id: string): Container | undefined {
    return this.#containers.get(id);
  }

  allSandboxes(): readonly Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  /**
   * By whole ID or unique prefix. Errors: invalid-argument for a prefix of several; unavailable for a pod that is there and not
   * understood, for nobody may take it for gone.
   */
  findSandbox(idOrPrefix: string): Sandbox | undefined {
    const unknown = this.unknownPods.get(idOrPrefix);
    if (unknown !== undefined) throw notUnderstood(unknown);
    return find(this.#sandboxes, idOrPrefix, 'sandbox');
  }

  findContainer(idOrPrefix: string): Container | undefined {
    return find(this.#containers, idOrPrefix, 'container');
  }

  /** Errors: not-found. */
  requireSandboxObject(idOrPrefix: string): Sandbox {
    return this.findSandbox(idOrPrefix) ?? notFound('sandbox', idOrPrefix);
  }

  requireContainerObject(idOrPrefix: string): Container {
    return this.findContainer(idOrPrefix) ?? notFound('container', idOrPrefix);
  }

  sandboxNamed(owner: string, name: string): Sandbox | undefined {
    return this.#sandboxes.get(this.#names.get(`${owner}/${name}`) ?? '');
  }

  /** Container names hold their pod's, so one map serves for all of them. */
  containerNamed(name: string): Container | undefined {
    return this.#containers.get(this.#names.get(`container/${name}`) ?? '');
  }

  addSandbox(sandbox: Sandbox): void {
    this.#sandboxes.set(sandbox.id, sandbox);
  }

  addContainer(container: Container): void {
    this.#containers.set(container.id, container);
    container.sandbox.containers.set(container.id, container);
  }

  /** From now on the name leads to it. */
  nameSandbox(sandbox: Sandbox): void {
    this.#names.set(`${sandbox.record.owner}/${sandbox.record.name}`, sandbox.id);
  }

  nameContainer(container: Container): void {
    this.#names.set(`container/${container.record.name}`, container.id);
  }

  /** The name is free; the pod, or container, stays. Idempotent. */
  unnameSandbox(sandbox: Sandbox): void {
    this.#dropName(`${sandbox.record.owner}/${sandbox.record.name}`, sandbox.id);
  }

  unnameContainer(container: Container): void {
    this.#dropName(`container/${container.record.name}`, container.id);
  }

  /** Idempotent; the name is free at once. */
  dropSandbox(sandbox: Sandbox): void {
    this.#sandboxes.delete(sandbox.id);
    this.unnameSandbox(sandbox);
  }

  dropContainer(container: Container): void {
    this.#containers.delete(container.id);
    container.sandbox.containers.delete(container.id);
    this.unnameContainer(container);
  }

  #dropName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }
}

interface Entry<R> {
  readonly record: R;
}

type AnyRecord = SandboxRecord | ContainerRecord;

function visible<R extends AnyRecord>(entry: Entry<R> | undefined): R | undefined {
  return entry === undefined || entry.record.state.kind === 'creating' ? undefined : entry.record;
}

function records<R extends AnyRecord>(entries: Iterable<Entry<R>>): R[] {
  const all: R[] = [];
  for (const { record } of entries) if (record.state.kind !== 'creating') all.push(record);
  return all;
}

function find<E extends Entry<AnyRecord>>(
  map: ReadonlyMap<string, E>,
  idOrPrefix: string,
  what: string,
): E | undefined {
  const exact = map.get(idOrPrefix);
  if (exact !== undefined) return visible(exact) === undefined ? undefined : exact;
  if (idOrPrefix === '' || idOrPrefix.length >= 64) return undefined;
  const matches: E[] = [];
  for (const [id, entry] of map) {
    if (id.startsWith(idOrPrefix) && visible(entry) !== undefined) matches.push(entry);
  }
  if (matches.length < 2) return matches[0];
  throw new GantryError({
    code: 'invalid-argument',
    operation: `find ${what}`,
    subject: idOrPrefix,
    message: `"${idOrPrefix}" is the start of ${matches.length} ${what} IDs; give more of it`,
  });
}

function notUnderstood({ id, kind, message }: UnknownPod): GantryError {
  return new GantryError({
    code: 'unavailable',
    operation: 'find sandbox',
    subject: id,
    message: `pod sandbox "${id}" is left as it is, for its record is ${kind}: ${message}; "crictl info" tells more`,
  });
}

function notFound(what: string, id: string): never {
  throw new GantryError({
    code: 'not-found',
    operation: `find ${what}`,
    subject: id,
    message: `${what === 'sandbox' ? 'pod sandbox' : 'container'} "${id}" not found`,
  });
}

/** The one walk over a pod's or container's resources: forwards to make it, backwards to end it. */
import { deadlines, describeError, failpoint, GantryError, nowNanoseconds } from '../../base/index.ts';
import type { StepFailure } from '../model/record.ts';
import { backwards, type Order } from '../plan/resources.ts';
import type { Resource, ResourceHost } from '../resource/types.ts';

/** A pod or container, as the walk sees it. */
interface Walked<Name extends string> {
  readonly id: string;
  /** The first part of its failpoints' names. */
  readonly kind: 'pod' | 'app';
  readonly held: Set<Name>;
  readonly working: Map<string, Promise<unknown>>;
}

type ResourcesOf<Name extends string, Making extends { readonly entry: object }> = Readonly<
  Record<Name, Resource<Making>>
>;

/**
 * Makes all of `order`, those of an inner list side by side. When it throws, nothing is being made any more (but for what does
 * not heed its deadline), and `entry.held` says what was begun. Behind each
 * resource is a failpoint. Errors: the first one's, in the order of the list.
 */
export async function makeAll<
  Name extends string,
  Making extends { readonly entry: Walked<Name>; readonly signal: AbortSignal },
>(
  host: ResourceHost,
  order: Order<Name>,
  resources: ResourcesOf<Name, Making>,
  making: Making,
): Promise<void> {
  making.entry.held.clear();
  for (const step of order) {
    const names: readonly Name[] = typeof step === 'string' ? [step] : step;
    const made = names.map((name) => makeOne(host, name, resources[name], making));
    const failed = (await Promise.allSettled(made)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    making.signal.throwIfAborted();
  }
}

async function makeOne<Name extends string, Making extends { readonly entry: Walked<Name> }>(
  host: ResourceHost,
  name: Name,
  resource: Resource<Making>,
  making: Making,
): Promise<void> {
  const { entry } = making;
  entry.held.add(name);
  await within(entry, name, deadlines.making, async () => resource.make(host, making));
  await failpoint(`${entry.kind}/${name}`);
}

/**
 * Releases what is held of `order`, the last first, down to `downTo` and with it. Stops at the first that fails: what it still
 * needs must not go before it. Idempotent. Errors: EndError, naming the resource.
 */
export async function releaseAll<Name extends string, Making extends { readonly entry: Walked<Name> }>(
  host: ResourceHost,
  order: Order<Name>,
  resources: ResourcesOf<Name, Making>,
  entry: Making['entry'],
  downTo: NoInfer<Name>,
): Promise<void> {
  for (const name of backwards(order, downTo)) {
    if (!entry.held.has(name)) continue;
    const resource = resources[name];
    try {
      await failpoint(`${entry.kind}/${name}/release`);
      const { releaseDeadline = deadlines.undo } = resource;
      await within(entry, name, releaseDeadline, async () => resource.release(host, entry));
      await failpoint(`${entry.kind}/${name}/released`);
    } catch (error) {
      throw new EndError(name, error);
    }
    entry.held.delete(name);
  }
}

/** A release that failed: the resource is held still. */
export class EndError extends Error {
  readonly failure: StepFailure;
  override readonly cause: unknown;

  constructor(step: string, cause: unknown) {
    super(`${step} cannot be released`, { cause });
    this.cause = cause;
    this.failure = { step, message: describeError(cause), at: nowNanoseconds() };
  }
}

/**
 * `work` with a deadline. What hangs goes on alone; the next work on the same resource waits for it first, so that a making that
 * comes late is not overtaken by its own release. Errors: the work's, deadline-exceeded.
 */
async function within(
  { id, working }: Walked<string>,
  name: string,
  milliseconds: number,
  work: () => Promise<void>,
): Promise<void> {
  const before = working.get(name);
  const running = before === undefined ? work() : before.then(work, work);
  working.set(name, running);
  const settled = (): void => {
    if (working.get(name) === running) working.delete(name);
  };
  running.then(settled, settled);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooLate(id, name, milliseconds)), milliseconds);
  });
  await Promise.race([running, late]).finally(() => clearTimeout(timer));
}

function tooLate(id: string, name: string, milliseconds: number): GantryError {
  return new GantryError({
    code: 'deadline-exceeded',
    operation: 'wait for resource',
    subject: id,
    message: `${name} was not done within ${milliseconds / 1000} s`,
  });
}

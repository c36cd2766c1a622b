import { nowNanoseconds } from '../../base/index.ts';
import type { ContainerEvent, ContainerRecord, SandboxRecord } from './record.ts';

/** A subscriber that lets this many events pile up loses the oldest; the kubelet's relist makes up for them. */
const QUEUE_LIMIT = 10_000;

/** What has just happened to a pod, or to one of its containers, with both as they are now. Pure but for the time. */
export function eventOf(
  type: ContainerEvent['type'],
  sandbox: SandboxRecord,
  containers: Iterable<ContainerRecord>,
  containerId = sandbox.id,
): ContainerEvent {
  const shown: ContainerRecord[] = [];
  for (const record of containers) {
    const { kind } = record.state;
    if (kind !== 'creating' && kind !== 'removing') shown.push(record);
  }
  return { type, containerId, at: nowNanoseconds(), sandbox, containers: shown };
}

/** Container events, to any number of subscribers, each with a bounded queue of its own. */
export class EventBus {
  readonly #subscribers = new Set<Subscriber>();

  publish(event: ContainerEvent): void {
    for (const subscriber of this.#subscribers) subscriber.push(event);
  }

  /** Everything published from now on, until `signal` aborts or the iteration is left. */
  subscribe(signal: AbortSignal, limit = QUEUE_LIMIT): AsyncIterable<ContainerEvent> {
    const subscriber = new Subscriber(limit);
    this.#subscribers.add(subscriber);
    const leave = (): void => {
      this.#subscribers.delete(subscriber);
      subscriber.end();
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    return subscriber.drain(() => {
      signal.removeEventListener('abort', leave);
      this.#subscribers.delete(subscriber);
    });
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }
}

class Subscriber {
  readonly #limit: number;
  #queue: ContainerEvent[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(event: ContainerEvent): void {
    if (this.#queue.length >= this.#limit) this.#queue.shift();
    this.#queue.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *drain(onLeave: () => void): AsyncGenerator<ContainerEvent> {
    try {
      while (!this.#ended) {
        const batch = this.#queue;
        this.#queue = [];
        yield* batch;
        if (this.#queue.length > 0 || this.#ended) continue;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      onLeave();
    }
  }
}

import { nowNanoseconds } from '../../base/index.ts';
import type { Sandbox } from '../store/sandbox.ts';
import type { ContainerEvent, ContainerState } from './record.ts';

/** A subscriber that lets this many events pile up loses the oldest; the kubelet's relist makes up for them. */
const QUEUE_LIMIT = 10_000;

/** What has just happened to a pod, or to one of its containers, with both as they are now. */
export function eventOf(
  type: ContainerEvent['type'],
  sandbox: Sandbox,
  containerId = sandbox.id,
): ContainerEvent {
  const shown = ({ kind }: ContainerState): boolean => kind !== 'creating' && kind !== 'removing';
  return {
    type,
    containerId,
    at: nowNanoseconds(),
    sandbox: sandbox.record,
    containers: [...sandbox.containers.values()].flatMap(({ record }) =>
      shown(record.state) ? [record] : [],
    ),
  };
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

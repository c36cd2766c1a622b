/**
 * Every wait of the server, and how long it may take: the one table. Milliseconds. A wait that its caller bounds (an exec's
 * time-out, a stop's grace) has here what is added to that. stage1's own are in `addon/stage1/deadlines.h`.
 *
 * GANTRY_DEADLINES changes them for tests: a comma-separated list of `name=milliseconds`.
 */
import { GantryError } from './errors.ts';

const table = {
  /** The making of a pod or container as a whole, before it is undone, whoever still waits for it. */
  making: 240_000,
  /** One step of an undo. */
  undo: 60_000,

  /** A look at a path that a user, an image or a volume names: whether it is there, what it is, what it holds. */
  hostPath: 20_000,
  /** The same of a file that the host provides for every pod (/etc/hosts), if an older copy of it is at hand. */
  hostFile: 500,
  /** SELinux's label for a volume and all that is below it. */
  relabel: 110_000,
  /** The scan of a writable layer for its size. */
  diskUsage: 120_000,
  /** The removal of a directory tree, for instance of a writable layer. */
  removeTree: 120_000,
  /** The hash of a layer's file, per GiB and at least once. */
  hashLayer: 120_000,
  /** The look through the layers of an image for directories that they do not name. */
  stackLayers: 120_000,
  /** What a container's processes have open, counted for monitoring. */
  processes: 10_000,

  /** A connection to stage1's socket. */
  connect: 5_000,
  /** stage1's answer to what only touches its own state. */
  stage1: 20_000,
  /** stage1's answer to what touches mounts, cgroups and images. */
  stage1Mounts: 60_000,
  /** stage1's acceptance of a byte stream. */
  openStream: 10_000,
  /** The start of a stage1, until it says that the pod is ready. */
  launch: 30_000,
  /** A scope of systemd's. */
  scope: 30_000,
  /** The end of a container, in addition to its grace. */
  stopContainer: 30_000,
  /** The end of a pod by its stage1; without stage1 afterwards. */
  stopPod: 20_000,
  /** Killed processes, until their cgroup is empty. */
  kill: 12_000,
  /** The end of an exec, in addition to its time-out; and after its caller has gone. */
  execEnd: 3_000,
  /** The streams of an exec, once its end was reported. */
  execDrain: 5_000,
  /** From the hang-up of an exec whose client is gone to its kill. */
  hangUp: 2_000,
  /** Output of a container after an attached client's stdin has ended, before the client is let go. */
  attachAnswer: 250,
  /** Containers that are being made while their pod is removed: they have been told to give up. */
  abandonMaking: 15_000,
};

export type Wait = keyof typeof table;

/** Milliseconds. */
export const deadlines: Readonly<Record<Wait, number>> = {
  ...table,
  ...changed(process.env['GANTRY_DEADLINES']),
};

/** How a wait ended. */
export type WaitOutcome = 'done' | 'failed' | 'late';
export type WaitObserver = (wait: Wait, outcome: WaitOutcome, seconds: number) => void;

let observer: WaitObserver = () => undefined;

/** Whoever measures waits (metrics). One; none at first. */
export function observeWaits(each: WaitObserver): void {
  observer = each;
}

/** Reports one wait that has ended. `started`: what `performance.now()` said. */
export function waitEnded(wait: Wait, outcome: WaitOutcome, started: number): void {
  observer(wait, outcome, (performance.now() - started) / 1000);
}

/**
 * `work`, or the error that `late` makes when the deadline passes first, or the signal's reason; the work itself is not disturbed,
 * and its later end is nobody's concern. `milliseconds`: instead of the table's figure.
 */
export async function inTime<T>(
  wait: Wait,
  work: Promise<T>,
  late: (milliseconds: number) => Error,
  milliseconds: number = deadlines[wait],
  signal?: AbortSignal,
): Promise<T> {
  const started = performance.now();
  let outcome: WaitOutcome = 'failed';
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => undefined;
  const given = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      outcome = 'late';
      reject(late(milliseconds));
    }, milliseconds);
    onAbort = () => reject(signal?.reason instanceof Error ? signal.reason : new Error('given up'));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const result = await Promise.race([work, given]);
    outcome = 'done';
    return result;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
    given.catch(() => undefined);
    waitEnded(wait, outcome, started);
  }
}

/** Errors: invalid-argument, for a name that the table does not have, or no number. */
function changed(list: string | undefined): Partial<Record<Wait, number>> {
  const entries = (list ?? '')
    .split(',')
    .filter((item) => item !== '')
    .map((item) => {
      const [name = '', text = ''] = item.split('=');
      if (Object.hasOwn(table, name) && /^[1-9]\d*$/.test(text)) return [name, Number(text)] as const;
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'read GANTRY_DEADLINES',
        subject: name,
        message: `GANTRY_DEADLINES: "${item}" is not NAME=MILLISECONDS with a name of ${Object.keys(table).join(', ')}`,
      });
    });
  return Object.fromEntries(entries);
}

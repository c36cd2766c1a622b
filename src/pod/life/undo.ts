import { deadlines, describeError, type Logger } from '../../base/index.ts';

interface Step {
  readonly name: string;
  readonly run: () => Promise<void> | void;
}

/**
 * What takes back the steps of an operation, in reverse order. A step that fails, or hangs beyond its deadline, is logged and
 * the rest goes on: half a clean-up is better than none, and start-up finishes what was left.
 */
export class Undo {
  readonly #log: Logger;
  readonly #deadline: number;
  #steps: Step[] = [];

  constructor(log: Logger, deadline = deadlines.undo) {
    this.#log = log;
    this.#deadline = deadline;
  }

  /** Registers what takes back the step that was just done (or is about to be: undoing must be idempotent). */
  add(name: string, run: () => Promise<void> | void): void {
    this.#steps.push({ name, run });
  }

  /** The operation succeeded: nothing is to be taken back. */
  forget(): void {
    this.#steps = [];
  }

  /** Never rejects. Steps that failed are returned by name. */
  async run(): Promise<readonly string[]> {
    const failed: string[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await withDeadline(Promise.resolve().then(step.run), this.#deadline);
      } catch (error) {
        failed.push(step.name);
        this.#log.error({ step: step.name, error: describeError(error) }, 'undo failed; start-up will retry');
      }
    }
    return failed;
  }
}

function withDeadline(work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`did not end in ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Does `work` with an undo stack: forgotten when it succeeds, run when it fails. */
export async function undoing<T>(log: Logger, work: (undo: Undo) => Promise<T>): Promise<T> {
  const undo = new Undo(log);
  try {
    const result = await work(undo);
    undo.forget();
    return result;
  } catch (error) {
    await undo.run();
    throw error;
  }
}

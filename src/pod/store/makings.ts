/** How long the making of a pod or container may take, and what ends it before. */
import { deadlines, GantryError, waitEnded } from '../../base/index.ts';

/** What is being made in a pod: awaited by its removal, and told to give up by whatever ends the pod. */
export class Makings {
  readonly #running = new Map<Promise<unknown>, AbortController>();

  /**
   * Runs work that makes something. Its signal aborts when the deadline for making is over, and when the pod ends; the work gives
   * up at its next step. Errors: the work's, or the signal's reason.
   */
  run<T>(subject: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const started = performance.now();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      controller.abort(gaveUp('deadline-exceeded', subject, `it took longer than ${deadlines.making} ms`));
    }, deadlines.making);
    const made = work(controller.signal).finally(() => {
      clearTimeout(timer);
      this.#running.delete(made);
      waitEnded('making', late ? 'late' : 'done', started);
    });
    this.#running.set(made, controller);
    return made;
  }

  /** Everything that is being made gives up. */
  giveUp(why: string): void {
    for (const controller of this.#running.values()) controller.abort(gaveUp('failed-precondition', '', why));
  }

  /** Until all of it has ended, with its undo; or not for longer than the deadline. Never rejects. */
  async ended(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlines.abandonMaking);
    });
    await Promise.race([Promise.allSettled(this.#running.keys()), deadline]).finally(() =>
      clearTimeout(timer),
    );
  }
}

function gaveUp(
  code: 'deadline-exceeded' | 'failed-precondition',
  subject: string,
  why: string,
): GantryError {
  return new GantryError({
    code,
    operation: 'make',
    subject,
    message: `${subject || 'its making'} was given up: ${why}`,
  });
}

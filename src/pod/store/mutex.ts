/** One at a time, in the order of asking. One a sandbox and one a container: a pod that hangs holds up nobody else. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /** Runs `work` when everything asked for earlier has ended, whatever came of it. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}

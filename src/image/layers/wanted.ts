/** Layers that pulls in progress count on; counted, since several may want one. */
export class WantedLayers {
  readonly #counts = new Map<string, number>();

  /** Wants `keys` until the returned function is called. Under the store's lock, or a collection under way does not know. */
  want(keys: readonly string[]): () => void {
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return () => {
      for (const key of keys) {
        const left = (this.#counts.get(key) ?? 0) - 1;
        if (left > 0) this.#counts.set(key, left);
        else this.#counts.delete(key);
      }
    };
  }

  keys(): ReadonlySet<string> {
    return new Set(this.#counts.keys());
  }
}

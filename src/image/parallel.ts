/**
 * Does `work` for every item, at most `limit` at once. The first failure tells the others to stop, by their signal, and is
 * thrown once all have ended, so that nothing goes on behind the caller's back. Results in the items' order.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    // The iterator is shared: each item is one worker's.
    for (const [i, item] of queue) {
      try {
        results[i] = await work(item, either);
      } catch (error) {
        failure ??= { error };
        failed.abort();
      }
      if (failure !== undefined) return;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
  if (failure !== undefined) throw failure.error;
  return results;
}

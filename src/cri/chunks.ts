/** A list in pieces, for the Stream… variants: each far below the gRPC limit, whatever labels the entries carry. */
export function* chunks<T>(list: readonly T[], size = 100): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}

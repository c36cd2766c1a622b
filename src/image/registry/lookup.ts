import dns from 'node:dns/promises';
import type { LookupFunction } from 'node:net';

const pending = new Map<string, ReturnType<typeof ask>>();

function ask(name: string, options: object) {
  return dns.lookup(name, { ...options, all: true });
}

/**
 * dns.lookup(), once for all who ask for the same name meanwhile. Each look takes a thread of libuv's for as long as the name servers
 * are silent, and there are few: many pulls from one registry that cannot be found would hold up those from all others.
 */
export const sharedLookup: LookupFunction = (name, options, callback) => {
  const key = JSON.stringify([name, options.family, options.hints, options.order]);
  const asked = pending.get(key) ?? ask(name, options).finally(() => pending.delete(key));
  pending.set(key, asked);
  asked.then(
    (found) => {
      const [first] = found;
      if (options.all || first === undefined) callback(null, found);
      else callback(null, first.address, first.family);
    },
    (error: NodeJS.ErrnoException) => callback(error, []),
  );
};

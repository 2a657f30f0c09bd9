import { lookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";

type Answer = readonly [error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number];

/**
 * Names to addresses, as the system's resolver has them; who asks for a name that is being looked up already waits for that answer. A
 * lookup cannot be cancelled, and holds one of libuv's four threads until the resolver gives up, which with a cluster's search domains
 * takes a minute: with one for each try, a resolver that never answers would hold up all files and all compression as well.
 */
export function sharedLookup(resolve: typeof lookup = lookup): LookupFunction {
  const waiting = new Map<string, ((...answer: Answer) => void)[]>();
  return (hostname, options, callback) => {
    const key = `${hostname} ${JSON.stringify(options)}`;
    const others = waiting.get(key);
    const waiter = callback;
    if (others !== undefined) {
      others.push(waiter);
      return;
    }
    waiting.set(key, [waiter]);
    resolve(hostname, options, (error, address, family) => {
      const all = waiting.get(key) ?? [];
      waiting.delete(key);
      for (const each of all) each(error, address, family);
    });
  };
}

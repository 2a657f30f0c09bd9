import type { ExecutableSerial } from "../model/brand.js";
import { ByteLru } from "../util/lru.js";
import type { KnownExecutable } from "./known-executable.js";

/** What is known of executables that were asked for lately, within a budget of bytes. */
export type ResolverCache = ByteLru<ExecutableSerial, KnownExecutable>;

/** Some tables of symbols, where whole ones are asked for; and what is compressed in stripped executables. Anew in milliseconds. */
export const DEFAULT_CACHE_BYTES = 4 * 1024 * 1024;

export function createResolverCache(budgetBytes = DEFAULT_CACHE_BYTES): ResolverCache {
  return new ByteLru(budgetBytes);
}

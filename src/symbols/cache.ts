import type { ExecutableId } from "../model/brand.js";
import { ByteLru } from "../util/lru.js";
import type { SymtabResolver } from "./symtab.js";

/** Resolvers of executables that were asked for lately, within a budget of bytes. */
export type ResolverCache = ByteLru<ExecutableId, SymtabResolver>;

/** A node's fifty busiest executables take half of it; one of Chromium's size, with .symtab, takes it all. */
export const DEFAULT_CACHE_BYTES = 8 * 1024 * 1024;

export function createResolverCache(budgetBytes = DEFAULT_CACHE_BYTES): ResolverCache {
  return new ByteLru(budgetBytes);
}

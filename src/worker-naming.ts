import { createResolverCache } from "./symbols/cache.js";
import type { SymbolizeRequest, SymbolizeResult } from "./symbols/resolver.js";
import { symbolize } from "./symbols/symbolize.js";
import { openDebugFiles } from "./worker-debug-files.js";

/** Names addresses with what the worker thread has and keeps: one cache, one way to debug files. */
export function openNaming(debuginfodDir: string | undefined): (request: SymbolizeRequest) => SymbolizeResult {
  const resolvers = createResolverCache();
  const debugFiles = openDebugFiles(debuginfodDir);
  return (request) => symbolize(request, resolvers, debugFiles);
}

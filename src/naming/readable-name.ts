import type { Demangling } from "../model/demangling.js";
import { shortArguments } from "../symbols/demangle/short-arguments.js";
import type { KnownName } from "./known-names.js";

/** What code that is in no module, but made by a part of the kernel, is filed under: `[__builtin__ftrace]`. */
const BUILT_IN = "__builtin__";

/** A function's name as it is to be shown. */
export function readableName({ name, systemName }: KnownName, demangling: Demangling): string {
  switch (demangling) {
    case "full":
      return name;
    case "short":
      return shortArguments(name);
    case "none":
      return systemName;
  }
}

/**
 * A kernel function's: `nf_tables!nft_do_chain`, `bpf!bpf_prog_6deef7357e7b4530_filter`, `ftrace!ftrace_trampoline`. Of the kernel
 * proper, module "", without.
 */
export function kernelName(known: KnownName, module: string, demangling: Demangling): string {
  const name = readableName(known, demangling);
  return module === "" ? name : `${module.startsWith(BUILT_IN) ? module.slice(BUILT_IN.length) : module}!${name}`;
}

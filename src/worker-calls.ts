import type { ExecutableContent } from "./executables/executable.js";
import type { KernelSymbols } from "./symbols/kallsyms.js";
import type { SymbolizeRequest, SymbolizeResult } from "./symbols/resolver.js";
import type { ConversionResult } from "./unwind/table.js";

/** What the worker thread does: everything that reads files, so that no file can hold up the drain. */
export interface WorkerCallTable {
  /** Call frame information → rows. */
  readonly convert: { readonly input: ExecutableContent; readonly output: ConversionResult };
  /** Addresses of one executable → names. */
  readonly symbolize: { readonly input: SymbolizeRequest; readonly output: SymbolizeResult };
  /** Kernel addresses, distinct and ascending → names. */
  readonly kernel: { readonly input: BigUint64Array; readonly output: KernelSymbols };
}

import { KernelNames, type SymbolChanges } from "./kernel-names.js";
import type { Namer } from "./name-window.js";

/** All that one recording can have. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * A namer that knows, beside what another one answers, of code that the kernel made while it was recorded: of a BPF program that
 * is gone by the end, too.
 */
export function withKernelChanges(namer: Namer, changes: SymbolChanges): Namer {
  const names = new KernelNames(MAX_BYTES, undefined, changes);
  return {
    ...namer,
    kernel: async (addresses) => {
      names.refresh();
      const unknown = names.unknown(addresses);
      const now = unknown.length > 0 ? await namer.kernel(unknown) : undefined;
      return names.answer(addresses, unknown, now);
    },
  };
}

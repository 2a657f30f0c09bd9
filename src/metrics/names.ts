import type { MetricRegistry } from "./registry.js";
import { rowsBy, rowsByKindAndOutcome } from "./registry.js";

export interface NamesSource {
  /** Memory of names remembered. */
  readonly bytes: () => number;
  /** Addresses asked for, and those of them that were not remembered. */
  readonly addresses: () => number;
  readonly unknown: () => number;
  /** Of the latter, those whose name was not sought, to stay within a budget. */
  readonly shed: () => number;
  readonly found: () => Iterable<readonly [source: string, addresses: number]>;
  /** Addresses of files with debug information that have no lines, by why. */
  readonly withoutLines: () => Iterable<readonly [reason: string, addresses: number]>;
  /** Searches for debug files, by `<kind> <outcome>`. */
  readonly debugFiles: () => Iterable<readonly [search: string, count: number]>;
  readonly missing: () => Iterable<readonly [reason: string, addresses: number]>;
}

/** Symbolization: where names come from, and why there are none. */
export function registerNames({ counter, gauge }: MetricRegistry, source: NamesSource): void {
  gauge({ name: "hostflame_names_cache_bytes", help: "Memory of names remembered" }, source.bytes);
  counter(
    {
      name: "hostflame_names_addresses_total",
      help: "Addresses for which a name was sought, each once a window and executable",
    },
    source.addresses,
  );
  counter(
    { name: "hostflame_names_unknown_addresses_total", help: "Of these, addresses whose name was not remembered" },
    source.unknown,
  );
  counter(
    {
      name: "hostflame_names_shed_addresses_total",
      help: "Addresses whose name was not remembered and not sought, to stay within a budget",
    },
    source.shed,
  );
  counter(
    {
      name: "hostflame_names_found_total",
      help: "Addresses whose name was not remembered and was found, by where: a symbol table, a debug file's, a stub's target, a label of assembly, Go's own table, debug information, the kernel's list",
      labels: ["source"],
    },
    () => rowsBy("source", source.found()),
  );
  counter(
    {
      name: "hostflame_names_missing_total",
      help: "Addresses for which a name was sought, remembered or not, that have none, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.missing()),
  );
  counter(
    {
      name: "hostflame_names_without_lines_total",
      help: "Addresses in files with debug information that were named without source lines, by why; those postponed are asked again",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.withoutLines()),
  );
  counter(
    {
      name: "hostflame_names_debug_files_total",
      help: "Searches for other files that tell of an executable, by what was sought and where it was found, or why it was not",
      labels: ["kind", "outcome"],
    },
    () => rowsByKindAndOutcome(source.debugFiles()),
  );
}

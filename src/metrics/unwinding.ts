import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface UnwindingSource {
  readonly tables: () => number;
  readonly tableBytes: () => number;
  readonly evictions: () => number;
  readonly rules: () => number;
  readonly converted: () => number;
  readonly waiting: () => number;
  /** Why files could not be opened or have no, or not all, rows. */
  readonly problems: () => Iterable<readonly [problem: string, count: number]>;
  readonly executables: () => number;
  /** Executables let go, by why. */
  readonly letGo: () => Iterable<readonly [reason: string, count: number]>;
  readonly names: () => {
    readonly bytes: number;
    readonly addresses: number;
    readonly unknown: number;
    readonly shed: number;
  };
  readonly mapBytes: () => Iterable<readonly [map: string, bytes: number]>;
}

export function registerUnwinding(registry: MetricRegistry, source: UnwindingSource): void {
  registry.gauge(
    { name: "hostflame_unwind_tables", help: "Executables whose unwind rows are in the kernel" },
    source.tables,
  );
  registry.gauge(
    { name: "hostflame_unwind_table_bytes", help: "Memory of all unwind tables together" },
    source.tableBytes,
  );
  registry.gauge({ name: "hostflame_unwind_rules", help: "Distinct unwind rules of the node" }, source.rules);
  registry.counter(
    { name: "hostflame_unwind_evictions_total", help: "Unwind tables taken out to make room for others" },
    source.evictions,
  );
  registry.counter(
    { name: "hostflame_unwind_conversions_total", help: "Files converted to unwind rows" },
    source.converted,
  );
  registry.gauge(
    {
      name: "hostflame_unwind_waiting_samples",
      help: "Samples that wait for the rows of a file met for the first time",
    },
    source.waiting,
  );
  registry.counter(
    {
      name: "hostflame_unwind_problems_total",
      help: "Times that a file could not be opened, or has no, or not all, rows; by reason",
      labels: ["problem"],
    },
    () => rowsBy("problem", source.problems()),
  );
  registry.gauge(
    { name: "hostflame_executables", help: "Executables known, each with an open file" },
    source.executables,
  );
  registry.counter(
    {
      name: "hostflame_executables_let_go_total",
      help: "Executables let go, with their open files: idle for two windows, or to make room for others",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.letGo()),
  );
  registry.gauge(
    { name: "hostflame_names_cache_bytes", help: "Memory of names remembered" },
    () => source.names().bytes,
  );
  registry.counter(
    { name: "hostflame_names_addresses_total", help: "Addresses for which a name was sought" },
    () => source.names().addresses,
  );
  registry.counter(
    { name: "hostflame_names_unknown_addresses_total", help: "Of these, addresses whose name was not remembered" },
    () => source.names().unknown,
  );
  registry.counter(
    {
      name: "hostflame_names_shed_addresses_total",
      help: "Addresses whose name was not remembered and not sought, to stay within a budget",
    },
    () => source.names().shed,
  );
  registry.gauge(
    { name: "hostflame_bpf_map_bytes", help: "Memory of the kernel side's maps, by map", labels: ["map"] },
    () => rowsBy("map", source.mapBytes()),
  );
}

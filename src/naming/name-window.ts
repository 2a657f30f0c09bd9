import type { Window } from "../capture/window.js";
import type { Executable, ExecutableContent } from "../executables/executable.js";
import type { ExecutableRegistry } from "../executables/registry.js";
import type { ExecutableId } from "../model/brand.js";
import type { Profile } from "../model/profile.js";
import type { KernelSymbols } from "../symbols/kallsyms.js";
import type { SymbolizeRequest, SymbolizeResult, UnresolvedReason } from "../symbols/resolver.js";
import { baseName } from "../model/base-name.js";
import { unnamed } from "../symbols/unnamed.js";
import { assembleProfile, type NamedExecutable, type NamedKernel } from "./assemble.js";
import { LocationTable } from "./location-table.js";

/** Who puts names to addresses; the worker thread. */
export interface Namer {
  symbolize(request: SymbolizeRequest): Promise<SymbolizeResult>;
  kernel(addresses: BigUint64Array): Promise<KernelSymbols>;
}

export interface WindowTimes {
  /** Wall clock at the start, nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly durationNs: bigint;
  readonly periodNs: number;
}

export interface NamedWindow {
  readonly profile: Profile;
  /** Addresses without a name, by reason. */
  readonly unresolved: Readonly<Partial<Record<UnresolvedReason, number>>>;
  /** What a person should know about the kernel's names, "" when they are there. */
  readonly kernelDetail: string;
}

/** Names every frame of a window: each distinct (executable, address) once. */
export async function nameWindow(
  window: Window,
  registry: ExecutableRegistry,
  namer: Namer,
  times: WindowTimes,
): Promise<NamedWindow> {
  const locations = new LocationTable(window.stacks.columns());
  const executables = new Map<ExecutableId, NamedExecutable>();
  const unresolved: Partial<Record<UnresolvedReason, number>> = {};
  for (const [id, rows] of locations.byExecutable()) {
    const executable = registry.get(id);
    if (executable !== undefined) {
      const named = await nameExecutable(executable, rows, locations, namer);
      executables.set(id, named);
      for (const [reason, count] of Object.entries(named.result.unresolved) as [UnresolvedReason, number][]) {
        unresolved[reason] = (unresolved[reason] ?? 0) + count;
      }
    }
  }
  const { named: kernel, detail } = await nameKernel(locations, namer);
  const profile = assembleProfile({
    ...times,
    locations,
    executables,
    kernel,
    threads: window.threads.threads(),
    samples: window.samples(),
  });
  return { profile, unresolved, kernelDetail: detail };
}

async function nameExecutable(
  executable: Executable,
  rows: Uint32Array,
  locations: LocationTable,
  namer: Namer,
): Promise<NamedExecutable> {
  const { id, path, content } = executable;
  const name = baseName(path);
  const fileOffsets = Float64Array.from(rows, (location) => locations.fileOffset(location));
  const source = content.kind === "file" ? { fd: content.fd } : { fd: -1, image: imageOf(content) };
  const request: SymbolizeRequest = { executable: id, name, fileOffsets, ...source };
  // A file that ends the worker costs its own names, and no other's.
  const result = await namer.symbolize(request).catch(() => unnamed(request, "worker-failed"));
  return { path, baseName: name, locations: rows, result };
}

function imageOf(content: Exclude<ExecutableContent, { kind: "file" }>): Uint8Array {
  return content.kind === "memory" ? content.bytes : new Uint8Array(0);
}

async function nameKernel(locations: LocationTable, namer: Namer): Promise<{ named: NamedKernel; detail: string }> {
  const rows = locations.kernel();
  if (rows.length === 0) {
    return { named: { locations: rows, names: [], modules: [] }, detail: "" };
  }
  const addresses = BigUint64Array.from(rows, (location) => locations.address(location));
  const symbols = await namer.kernel(addresses);
  return {
    named: {
      locations: rows,
      names: Array.from(symbols.nameIndices, (index) => (index < 0 ? "" : symbols.names[index].name)),
      modules: Array.from(symbols.moduleIndices, (index) => symbols.modules[index] ?? ""),
    },
    detail: symbols.detail,
  };
}

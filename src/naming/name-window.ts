import type { Window } from "../capture/window.js";
import type { ExecutableContent } from "../executables/executable.js";
import type { ExecutableRegistry } from "../executables/registry.js";
import type { ExecutableId, ExecutableSerial } from "../model/brand.js";
import type { Demangling } from "../model/demangling.js";
import type { Profile } from "../model/profile.js";
import type { KernelSymbols } from "../symbols/kallsyms.js";
import type { KernelTableData } from "../symbols/kernel-table.js";
import type { SymbolizeRequest, SymbolizeResult, UnresolvedReason } from "../symbols/resolver.js";
import { baseName } from "../model/base-name.js";
import { unnamed } from "../symbols/unnamed.js";
import { assembleProfile, type NamedExecutable, type NamedKernel } from "./assemble.js";
import { type BoundFrames, type BoundNames, nameBound } from "./bound-frames.js";
import { LocationTable } from "./location-table.js";
import { whoRuns } from "./who-runs.js";

/** Who puts names to addresses; the worker thread. */
export interface Namer {
  symbolize(request: SymbolizeRequest): Promise<SymbolizeResult>;
  kernel(addresses: BigUint64Array): Promise<KernelSymbols>;
  /** For who asks often. Undefined where the kernel does not tell. */
  kernelTable?(): Promise<KernelTableData | undefined>;
  /** Names of what means something in one process only; undefined when nobody knows that kind of frame. */
  bound?(frames: BoundFrames): Promise<BoundNames | undefined>;
}

export interface WindowTimes {
  /** Wall clock at the start, nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly durationNs: bigint;
  readonly periodNs: number;
}

export interface NamingOptions extends WindowTimes {
  /** "full" unless given. */
  readonly demangling?: Demangling;
}

export interface NamedWindow {
  readonly profile: Profile;
  /** Addresses without a name, by reason. */
  readonly unresolved: Readonly<Partial<Record<UnresolvedReason, number>>>;
  /** What a person should know about the kernel's names, "" when they are there. */
  readonly kernelDetail: string;
}

/**
 * Names every frame of a window: each distinct (executable, address) once. The executables that are still known stay open
 * meanwhile; of those let go, what the namer remembers is all there is.
 */
export async function nameWindow(
  window: Window,
  registry: ExecutableRegistry,
  namer: Namer,
  { demangling = "full", ...times }: NamingOptions,
): Promise<NamedWindow> {
  const locations = new LocationTable(window.stacks.columns());
  const byExecutable = locations.byExecutable();
  const held = [...byExecutable.keys()].flatMap((id) => registry.get(id) ?? []);
  // Before the first question is awaited: a descriptor that is closed meanwhile may soon be another file's.
  const sources = new Map([...byExecutable.keys()].map((id) => [id, sourceOf(id, registry)]));
  for (const executable of held) {
    registry.hold(executable);
  }
  try {
    const samples = window.samples();
    const threads = window.threads.threads();
    const pids = whoRuns(new Set(byExecutable.keys()), locations, samples, threads);
    const executables = new Map<ExecutableId, NamedExecutable>();
    const unresolved: Partial<Record<UnresolvedReason, number>> = {};
    for (const [id, rows] of byExecutable) {
      const named = await nameExecutable(sources.get(id)!, pids.get(id) ?? [], rows, locations, namer);
      executables.set(id, named);
      for (const [reason, count] of Object.entries(named.result.unresolved) as [UnresolvedReason, number][]) {
        unresolved[reason] = (unresolved[reason] ?? 0) + count;
      }
    }
    const { named: kernel, detail } = await nameKernel(locations, namer);
    const bound = await nameBound(locations, window.owners, async (frames) => namer.bound?.(frames));
    const profile = assembleProfile({
      ...times,
      demangling,
      locations,
      executables,
      kernel,
      bound,
      threads,
      samples,
    });
    return { profile, unresolved, kernelDetail: detail };
  } finally {
    for (const executable of held) {
      registry.release(executable);
    }
  }
}

/** Where an executable's names come from. */
interface NameSource {
  readonly serial: ExecutableSerial;
  readonly path: string;
  /** Undefined when it was let go. */
  readonly content: ExecutableContent | undefined;
}

/** What stands for the path of an executable that was let go so long ago that nothing of it is left. */
const FORGOTTEN: NameSource = { serial: -1 as ExecutableSerial, path: "[let go]", content: undefined };

function sourceOf(id: ExecutableId, registry: ExecutableRegistry): NameSource {
  const known = registry.get(id);
  if (known !== undefined) {
    return known;
  }
  const former = registry.former(id);
  return former === undefined ? FORGOTTEN : { serial: former.serial, path: former.path, content: undefined };
}

async function nameExecutable(
  { serial, path, content }: NameSource,
  pids: readonly number[],
  rows: Uint32Array,
  locations: LocationTable,
  namer: Namer,
): Promise<NamedExecutable> {
  const name = baseName(path);
  const fileOffsets = Float64Array.from(rows, (location) => locations.fileOffset(location));
  const seen = content?.kind === "file" ? { seenAt: { pids, path } } : {};
  const request: SymbolizeRequest = { executable: serial, name, fileOffsets, ...seen, ...bytesOf(content) };
  // A file that ends the worker costs its own names, and no other's.
  const result = await namer.symbolize(request).catch(() => unnamed(request, "worker-failed"));
  return { path, baseName: name, locations: rows, result };
}

function bytesOf(content: ExecutableContent | undefined): Pick<SymbolizeRequest, "fd" | "image"> {
  switch (content?.kind) {
    case "file":
      return { fd: content.fd };
    case "memory":
      return { fd: -1, image: content.bytes };
    case "none":
      return { fd: -1, image: new Uint8Array(0) };
    case undefined:
      return { fd: -1 };
  }
}

async function nameKernel(locations: LocationTable, namer: Namer): Promise<{ named: NamedKernel; detail: string }> {
  const rows = locations.kernel();
  if (rows.length === 0) {
    return { named: { locations: rows, names: [], modules: [] }, detail: "" };
  }
  const addresses = BigUint64Array.from(rows, (location) => locations.address(location));
  const symbols = await namer.kernel(addresses).catch(() => undefined);
  if (symbols === undefined) {
    const names = Array.from(rows, () => undefined);
    const modules = Array.from(rows, () => "");
    const detail = "the worker thread ended while it looked for them; the next window asks again";
    return { named: { locations: rows, names, modules }, detail };
  }
  return {
    named: {
      locations: rows,
      names: Array.from(symbols.nameIndices, (index) => (index < 0 ? undefined : symbols.names[index])),
      modules: Array.from(symbols.moduleIndices, (index) => symbols.modules[index] ?? ""),
    },
    detail: symbols.detail,
  };
}

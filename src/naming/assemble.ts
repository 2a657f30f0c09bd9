import type { ExecutableId } from "../model/brand.js";
import type {
  CodeKind,
  Profile,
  ProfileFunction,
  ProfileLocation,
  ProfileMapping,
  ProfileSamples,
  ProfileThread,
} from "../model/profile.js";
import { frameKind } from "../native/abi.generated.js";
import type { SymbolizeResult } from "../symbols/resolver.js";
import type { LocationTable } from "./location-table.js";

/** Names of an executable's locations: the answer, and the locations it was asked for, in the same order. */
export interface NamedExecutable {
  /** Path as the sampled process saw it. */
  readonly path: string;
  /** What unresolved addresses are shown with. */
  readonly baseName: string;
  readonly locations: Uint32Array;
  readonly result: SymbolizeResult;
}

/** Names of the kernel's locations, parallel to them. */
export interface NamedKernel {
  readonly locations: Uint32Array;
  /** "" when unresolved. */
  readonly names: readonly string[];
  /** Module of each, "" for the kernel proper. */
  readonly modules: readonly string[];
}

export interface AssembleInput {
  readonly timeNs: bigint;
  readonly durationNs: bigint;
  readonly periodNs: number;
  readonly locations: LocationTable;
  readonly executables: ReadonlyMap<ExecutableId, NamedExecutable>;
  readonly kernel: NamedKernel;
  readonly threads: readonly ProfileThread[];
  readonly samples: ProfileSamples;
}

const KERNEL_MAPPING = "[kernel.kallsyms]";
const ANONYMOUS_MAPPING = "[anon]";
const PAGE = 4096;

/** Puts names to the locations of a window: the profile that every view is made from. */
export function assembleProfile(input: AssembleInput): Profile {
  const assembly = new Assembly(input.locations);
  for (const executable of input.executables.values()) {
    assembly.addExecutable(executable);
  }
  assembly.addKernel(input.kernel);
  assembly.addRest();
  const { offsets, locations } = input.locations;
  return {
    timeNs: input.timeNs,
    durationNs: input.durationNs,
    periodNs: input.periodNs,
    mappings: assembly.mappings,
    functions: assembly.functions,
    locations: assembly.locations,
    stacks: { length: offsets.length - 1, offsets, locations },
    threads: input.threads,
    samples: input.samples,
  };
}

class Assembly {
  readonly mappings: ProfileMapping[] = [];
  readonly functions: ProfileFunction[] = [];
  readonly locations: ProfileLocation[];
  private readonly functionIndices = new Map<string, number>();

  constructor(private readonly table: LocationTable) {
    this.locations = new Array<ProfileLocation>(table.length);
  }

  addExecutable({ path, baseName, locations, result }: NamedExecutable): void {
    const mappingIndex = this.mappings.length;
    let named = false;
    for (const [row, location] of locations.entries()) {
      const address = result.elfAddresses[row];
      const nameIndex = result.nameIndices[row];
      named ||= nameIndex >= 0;
      const { name, systemName } =
        nameIndex >= 0 ? result.names[nameIndex] : unresolved(`${baseName}+0x${address.toString(16)}`);
      this.put(location, mappingIndex, address, "native", name, systemName);
    }
    this.mappings.push({
      start: result.textStart,
      limit: result.textLimit,
      fileOffset: result.textFileOffset,
      fileName: path,
      buildId: result.buildId,
      hasFunctions: named,
    });
  }

  /** One mapping for the kernel proper and one for each module. */
  addKernel({ locations, names, modules }: NamedKernel): void {
    const byModule = new Map<string, { index: number; start: bigint; end: bigint; named: boolean }>();
    for (const [row, location] of locations.entries()) {
      const address = this.table.address(location);
      const module = modules[row];
      let mapping = byModule.get(module);
      if (mapping === undefined) {
        mapping = { index: this.mappings.length + byModule.size, start: address, end: address, named: false };
        byModule.set(module, mapping);
      }
      // Locations come in order of address.
      mapping.end = address;
      mapping.named ||= names[row] !== "";
      const { name, systemName } =
        names[row] === "" ? unresolved(`kernel+0x${address.toString(16)}`) : unresolved(names[row]);
      this.put(location, mapping.index, address, "kernel", name, systemName);
    }
    for (const [module, { start, end, named }] of byModule) {
      this.mappings.push({
        // Kernel addresses are above 2^53, but pages are exact in a double.
        start: Number(start) - (Number(start) % PAGE),
        limit: Number(end) - (Number(end) % PAGE) + PAGE,
        fileOffset: 0,
        fileName: module === "" ? KERNEL_MAPPING : `[${module}]`,
        buildId: "",
        hasFunctions: named,
      });
    }
  }

  /** Whatever nobody named: executable memory without a file. */
  addRest(): void {
    let mappingIndex = -1;
    let start = Number.MAX_SAFE_INTEGER;
    let limit = 0;
    for (let location = 0; location < this.table.length; location++) {
      if (this.locations[location] !== undefined) {
        continue;
      }
      const isAnonymous = this.table.kind(location) === frameKind.anonymous;
      const address = isAnonymous ? Number(this.table.address(location)) : this.table.fileOffset(location);
      mappingIndex = mappingIndex < 0 ? this.mappings.length : mappingIndex;
      start = Math.min(start, address - (address % PAGE));
      limit = Math.max(limit, address - (address % PAGE) + PAGE);
      const { name, systemName } = unresolved(`${ANONYMOUS_MAPPING}+0x${address.toString(16)}`);
      this.put(location, mappingIndex, address, "jit", name, systemName);
    }
    if (mappingIndex >= 0) {
      this.mappings.push({
        start,
        limit,
        fileOffset: 0,
        fileName: ANONYMOUS_MAPPING,
        buildId: "",
        hasFunctions: false,
      });
    }
  }

  private put(
    location: number,
    mappingIndex: number,
    address: number | bigint,
    kind: CodeKind,
    name: string,
    systemName: string,
  ): void {
    const functionIndex = this.functionIndex(name, systemName);
    this.locations[location] = { mappingIndex, address, kind, lines: [{ functionIndex, line: 0 }] };
  }

  private functionIndex(name: string, systemName: string): number {
    const known = this.functionIndices.get(systemName);
    if (known !== undefined) {
      return known;
    }
    const index = this.functions.push({ name, systemName, fileName: "", startLine: 0 }) - 1;
    this.functionIndices.set(systemName, index);
    return index;
  }
}

/** A name that nothing was demangled from. */
function unresolved(name: string): { name: string; systemName: string } {
  return { name, systemName: name };
}

import type { ExecutableId } from "../model/brand.js";
import type { Demangling } from "../model/demangling.js";
import type {
  CodeKind,
  Profile,
  ProfileFunction,
  ProfileLine,
  ProfileLocation,
  ProfileMapping,
  ProfileSamples,
  ProfileThread,
} from "../model/profile.js";
import { frameKind } from "../native/abi.generated.js";
import type { SymbolizeResult } from "../symbols/resolver.js";
import type { NamedBound } from "./bound-frames.js";
import type { KnownName } from "./known-names.js";
import type { LocationTable } from "./location-table.js";
import { kernelName, readableName } from "./readable-name.js";

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
  /** Undefined when unresolved. */
  readonly names: readonly (KnownName | undefined)[];
  /** Module of each, "" for the kernel proper. */
  readonly modules: readonly string[];
}

export interface AssembleInput {
  readonly timeNs: bigint;
  readonly durationNs: bigint;
  readonly periodNs: number;
  readonly demangling: Demangling;
  readonly locations: LocationTable;
  readonly executables: ReadonlyMap<ExecutableId, NamedExecutable>;
  readonly kernel: NamedKernel;
  readonly bound: readonly NamedBound[];
  readonly threads: readonly ProfileThread[];
  readonly samples: ProfileSamples;
}

type NamedChains = Pick<SymbolizeResult, "chains" | "functions">;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const KERNEL_MAPPING = "[kernel.kallsyms]";
const ANONYMOUS_MAPPING = "[anon]";
const PAGE = 4096;

/** Puts names to the locations of a window: the profile that every view is made from. */
export function assembleProfile(input: AssembleInput): Profile {
  const assembly = new Assembly(input.locations, input.demangling);
  for (const executable of input.executables.values()) {
    assembly.addExecutable(executable);
  }
  assembly.addKernel(input.kernel);
  for (const bound of input.bound) {
    assembly.addBound(bound);
  }
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
  readonly mappings: Mutable<ProfileMapping>[] = [];
  readonly functions: ProfileFunction[] = [];
  readonly locations: ProfileLocation[];
  private readonly functionIndices = new Map<string, number>();
  private readonly boundMappings = new Map<string, number>();

  constructor(
    private readonly table: LocationTable,
    private readonly demangling: Demangling,
  ) {
    this.locations = new Array<ProfileLocation>(table.length);
  }

  addExecutable({ path, baseName, locations, result }: NamedExecutable): void {
    const mappingIndex = this.mappings.length;
    let named = false;
    const linesOf = this.linesByChain(result);
    for (const [row, location] of locations.entries()) {
      const address = result.elfAddresses[row];
      const chain = result.chainIndices[row];
      if (chain < 0) {
        this.put(location, mappingIndex, address, "native", unresolved(`${baseName}+0x${address.toString(16)}`));
        continue;
      }
      named = true;
      this.locations[location] = { mappingIndex, address, kind: "native", lines: linesOf(chain) };
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

  /** Lines of one chain are one array, in however many locations. */
  private linesByChain({ chains, functions }: NamedChains): (chain: number) => readonly ProfileLine[] {
    const linesOf = new Map<number, readonly ProfileLine[]>();
    return (chain) => {
      let lines = linesOf.get(chain);
      if (lines === undefined) {
        const [from, end] = [chains.offsets[chain], chains.offsets[chain + 1]];
        lines = Array.from(chains.functions.subarray(from, end), (fn, at) => {
          const known = functions[fn];
          const functionIndex = this.functionIndex({ ...known, name: readableName(known, this.demangling) });
          return { functionIndex, line: chains.lines[from + at] };
        });
        linesOf.set(chain, lines);
      }
      return lines;
    };
  }

  /** One mapping for each kind of frames that mean something in their process only; addresses are of that process. */
  addBound({ locations, names }: NamedBound): void {
    const { codeKind, mapping, chainIndices } = names;
    const linesOf = this.linesByChain(names);
    const mappingIndex = this.boundMapping(mapping);
    const extent = this.mappings[mappingIndex];
    for (const [row, location] of locations.entries()) {
      const address = this.table.userAddress(location);
      const page = address - (address % PAGE);
      extent.start = Math.min(extent.start, page);
      extent.limit = Math.max(extent.limit, page + PAGE);
      const chain = chainIndices[row];
      if (chain < 0) {
        this.put(location, mappingIndex, address, codeKind, unresolved(`${mapping}+0x${address.toString(16)}`));
        continue;
      }
      extent.hasFunctions = true;
      this.locations[location] = { mappingIndex, address, kind: codeKind, lines: linesOf(chain) };
    }
  }

  private boundMapping(fileName: string): number {
    const known = this.boundMappings.get(fileName);
    if (known !== undefined) return known;
    const empty = { start: Number.MAX_SAFE_INTEGER, limit: 0, fileOffset: 0, fileName, buildId: "" };
    const index = this.mappings.push({ ...empty, hasFunctions: false }) - 1;
    this.boundMappings.set(fileName, index);
    return index;
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
      const known = names[row];
      mapping.named ||= known !== undefined;
      const fn =
        known === undefined
          ? unresolved(`kernel+0x${address.toString(16)}`)
          : { ...known, name: kernelName(known, module, this.demangling), fileName: "", startLine: 0 };
      this.put(location, mapping.index, address, "kernel", fn);
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
      const isNative = this.table.kind(location) === frameKind.native;
      const address = isNative ? this.table.fileOffset(location) : this.table.userAddress(location);
      mappingIndex = mappingIndex < 0 ? this.mappings.length : mappingIndex;
      start = Math.min(start, address - (address % PAGE));
      limit = Math.max(limit, address - (address % PAGE) + PAGE);
      this.put(location, mappingIndex, address, "jit", unresolved(`${ANONYMOUS_MAPPING}+0x${address.toString(16)}`));
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
    fn: ProfileFunction,
  ): void {
    const functionIndex = this.functionIndex(fn);
    this.locations[location] = { mappingIndex, address, kind, lines: [{ functionIndex, line: 0 }] };
  }

  private functionIndex({ name, systemName, fileName, startLine }: ProfileFunction): number {
    // Modules have functions of one name.
    const names = name === systemName ? name : `${systemName}\0${name}`;
    const key = fileName === "" ? names : `${names}\0${fileName}\0${startLine}`;
    const known = this.functionIndices.get(key);
    if (known !== undefined) {
      return known;
    }
    const index = this.functions.push({ name, systemName, fileName, startLine }) - 1;
    this.functionIndices.set(key, index);
    return index;
  }
}

/** A name that nothing was demangled from. */
function unresolved(name: string): ProfileFunction {
  return { name, systemName: name, fileName: "", startLine: 0 };
}

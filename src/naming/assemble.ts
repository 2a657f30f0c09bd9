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
  readonly threads: readonly ProfileThread[];
  readonly samples: ProfileSamples;
}

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

  constructor(
    private readonly table: LocationTable,
    private readonly demangling: Demangling,
  ) {
    this.locations = new Array<ProfileLocation>(table.length);
  }

  addExecutable({ path, baseName, locations, result }: NamedExecutable): void {
    const mappingIndex = this.mappings.length;
    let named = false;
    const { chains, functions } = result;
    // Lines of one chain are one array, in however many locations.
    const linesOf = new Map<number, readonly ProfileLine[]>();
    for (const [row, location] of locations.entries()) {
      const address = result.elfAddresses[row];
      const chain = result.chainIndices[row];
      if (chain < 0) {
        this.put(location, mappingIndex, address, "native", unresolved(`${baseName}+0x${address.toString(16)}`));
        continue;
      }
      named = true;
      let lines = linesOf.get(chain);
      if (lines === undefined) {
        lines = Array.from(chains.functions.subarray(chains.offsets[chain], chains.offsets[chain + 1]), (fn, at) => {
          const known = functions[fn];
          const functionIndex = this.functionIndex({ ...known, name: readableName(known, this.demangling) });
          return { functionIndex, line: chains.lines[chains.offsets[chain] + at] };
        });
        linesOf.set(chain, lines);
      }
      this.locations[location] = { mappingIndex, address, kind: "native", lines };
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
      const isAnonymous = this.table.kind(location) === frameKind.anonymous;
      const address = isAnonymous ? Number(this.table.address(location)) : this.table.fileOffset(location);
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

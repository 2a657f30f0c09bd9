import type { Profile, ProfileMapping } from "../model/profile.js";

/** A mapping as it goes on the wire. */
export interface PprofMappingRow {
  readonly mapping: ProfileMapping;
  readonly start: bigint;
  readonly limit: bigint;
  readonly fileOffset: bigint;
  readonly hasFileNames: boolean;
  readonly hasLineNumbers: boolean;
  readonly hasInlineFrames: boolean;
}

export interface PprofMappings {
  readonly rows: readonly PprofMappingRow[];
  /** Id (place in rows + 1) of each of the profile's mappings. */
  readonly ids: Uint32Array;
}

const PAGE = 4096n;
const ADDRESS_LIMIT = (1n << 64n) - 1n;
const LIBRARY = /\.so(\.|$)/;

/**
 * The profile's mappings in pprof's order, each grown by whole pages where needed to hold its locations' addresses: the
 * format wants them inside, and code in a second executable segment, or of no file at all, need not be.
 */
export function pprofMappings(profile: Profile): PprofMappings {
  const extents = profile.mappings.map((mapping) => new Extent(mapping));
  for (const location of profile.locations) {
    const extent = extents[location.mappingIndex];
    if (extent === undefined) continue;
    extent.hold(BigInt(location.address));
    extent.hasInlineFrames ||= location.lines.length > 1;
    for (const line of location.lines) {
      extent.hasLineNumbers ||= line.line !== 0;
      extent.hasFileNames ||= profile.functions[line.functionIndex].fileName !== "";
    }
  }

  const order = [...extents.keys()];
  const main = mainMapping(profile);
  if (main > 0) order.unshift(...order.splice(main, 1));
  const ids = new Uint32Array(extents.length);
  for (const [place, index] of order.entries()) ids[index] = place + 1;
  return { rows: order.map((index) => extents[index]), ids };
}

class Extent implements PprofMappingRow {
  readonly mapping: ProfileMapping;
  start: bigint;
  limit: bigint;
  fileOffset: bigint;
  hasFileNames = false;
  hasLineNumbers = false;
  hasInlineFrames = false;

  constructor(mapping: ProfileMapping) {
    this.mapping = mapping;
    this.start = BigInt(mapping.start);
    this.limit = smaller(BigInt(mapping.limit), ADDRESS_LIMIT);
    this.fileOffset = BigInt(mapping.fileOffset);
  }

  hold(address: bigint): void {
    const page = address - (address % PAGE);
    if (this.limit <= this.start) this.start = page;
    if (address >= this.limit) this.limit = smaller(page + PAGE, ADDRESS_LIMIT);
    if (address >= this.start) return;
    // The offset moves along, so that what a tool computes from the pair stays true.
    const offset = this.fileOffset - (this.start - page);
    this.fileOffset = offset < 0n ? 0n : offset;
    this.start = page;
  }
}

/**
 * By the format's law the first mapping is the main binary's, and pprof prints its name above every report. Of a whole
 * machine it is the program (not a library, not the kernel) with the most CPU time of its own. -1 when there is none.
 */
function mainMapping(profile: Profile): number {
  const { samples, stacks } = profile;
  const leaves = new Float64Array(profile.mappings.length);
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row];
    const leaf = stacks.offsets[stack];
    if (leaf === stacks.offsets[stack + 1]) continue;
    const { mappingIndex } = profile.locations[stacks.locations[leaf]];
    if (mappingIndex >= 0) leaves[mappingIndex] += samples.ticks[row];
  }
  let main = -1;
  for (const [index, { fileName }] of profile.mappings.entries()) {
    if (fileName === "" || fileName.startsWith("[") || LIBRARY.test(fileName)) continue;
    if (main < 0 || leaves[index] > leaves[main]) main = index;
  }
  return main;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

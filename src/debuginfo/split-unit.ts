import { Attributes } from "./attributes.js";
import { DW_UT } from "./constants.js";
import type { Unit, UnitReader } from "./unit-reader.js";

/** Units of a .dwo file, or of what a package has of it: one of code, and the types that it uses. */
const MAX_UNITS = 10_000;

/**
 * The unit of a .dwo file that was split off from a unit of the linked file (DWARF 5, 3.1.3; GNU's DebugFission before). Its
 * addresses count in the linked file's table, and its range lists from the linked unit's address. Undefined when there is
 * none of that identity: the file is of another build.
 */
export function findSplitUnit(reader: UnitReader, linked: Unit): Unit | undefined {
  let offset = 0;
  for (let count = 0; count < MAX_UNITS && offset < reader.size; count++) {
    const header = reader.header(offset);
    if (header === undefined) return undefined;
    offset = header.end;
    if (header.version === undefined || header.type === DW_UT.splitType || header.type === DW_UT.type) continue;
    const unit = reader.open(header, new Attributes());
    if (unit?.dwoId !== linked.dwoId || linked.dwoId === "") continue;
    const { addrBase, lowPc, splitRangesBase, lineOffset, compDir } = linked;
    // The offsets of the one set of lists stand behind its header of 12 bytes, 20 in 64-bit DWARF.
    const rnglistsBase = header.offsetBytes === 8 ? 20 : 12;
    return { ...unit, addrBase, lowPc, rangesBase: splitRangesBase, lineOffset, compDir, rnglistsBase };
  }
  return undefined;
}

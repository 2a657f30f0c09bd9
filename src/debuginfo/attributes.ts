import { DW_AT } from "./constants.js";

/**
 * The attributes that are read, each with a place in {@link Attributes}. Two numbers of one meaning (DWARF 5's and GNU's)
 * share one.
 */
export const SLOT = {
  none: 0,
  sibling: 1,
  name: 2,
  linkageName: 3,
  stmtList: 4,
  lowPc: 5,
  highPc: 6,
  ranges: 7,
  compDir: 8,
  origin: 9,
  declFile: 10,
  declLine: 11,
  callFile: 12,
  callLine: 13,
  strOffsetsBase: 14,
  addrBase: 15,
  rnglistsBase: 16,
  dwoName: 17,
  gnuDwoId: 18,
  gnuRangesBase: 19,
} as const;

const SLOTS = 20;

const SLOT_OF = new Map<number, number>([
  [DW_AT.sibling, SLOT.sibling],
  [DW_AT.name, SLOT.name],
  [DW_AT.linkageName, SLOT.linkageName],
  [DW_AT.mipsLinkageName, SLOT.linkageName],
  [DW_AT.stmtList, SLOT.stmtList],
  [DW_AT.lowPc, SLOT.lowPc],
  [DW_AT.highPc, SLOT.highPc],
  [DW_AT.ranges, SLOT.ranges],
  [DW_AT.compDir, SLOT.compDir],
  [DW_AT.abstractOrigin, SLOT.origin],
  [DW_AT.specification, SLOT.origin],
  [DW_AT.declFile, SLOT.declFile],
  [DW_AT.declLine, SLOT.declLine],
  [DW_AT.callFile, SLOT.callFile],
  [DW_AT.callLine, SLOT.callLine],
  [DW_AT.strOffsetsBase, SLOT.strOffsetsBase],
  [DW_AT.addrBase, SLOT.addrBase],
  [DW_AT.gnuAddrBase, SLOT.addrBase],
  [DW_AT.rnglistsBase, SLOT.rnglistsBase],
  [DW_AT.dwoName, SLOT.dwoName],
  [DW_AT.gnuDwoName, SLOT.dwoName],
  [DW_AT.gnuDwoId, SLOT.gnuDwoId],
  [DW_AT.gnuRangesBase, SLOT.gnuRangesBase],
]);

export function slotOf(attribute: number): number {
  return SLOT_OF.get(attribute) ?? SLOT.none;
}

/** The attributes of the entry that was read last, by slot: the form it came in, 0 when it has none, and the value. */
export class Attributes {
  readonly forms = new Uint16Array(SLOTS);
  readonly values = new Float64Array(SLOTS);

  clear(): void {
    this.forms.fill(0);
  }

  has(slot: number): boolean {
    return this.forms[slot] !== 0;
  }

  /** 0 when the entry has none. */
  number(slot: number): number {
    return this.forms[slot] === 0 ? 0 : this.values[slot];
  }
}

import { PAGE_SHIFT, RULE_FIRST_FREE, RULE_NONE, RULE_UNSUPPORTED } from "./rule.js";
import type { UnwindRows } from "./table.js";

/** The size of a table: what bpf/abi.h's struct abi_executable says of it. */
export interface TableExtent {
  /** File offset >> 16 of the first page. */
  readonly basePage: number;
  readonly pages: number;
  /** Of 8 bytes: the page index and the rows. */
  readonly elements: number;
}

const PAGE_MASK = (1 << PAGE_SHIFT) - 1;

/** How large the table of these rows is, exactly. */
export function measure(rows: UnwindRows): TableExtent {
  const { fileOffsets } = rows;
  if (fileOffsets.length === 0) return { basePage: 0, pages: 0, elements: 0 };
  const basePage = fileOffsets[0] >>> PAGE_SHIFT;
  const pages = (fileOffsets[fileOffsets.length - 1] >>> PAGE_SHIFT) - basePage + 1;
  let elements = pages;
  forEachPage(rows, basePage, pages, (_page, from, to, isCarried) => {
    elements += (to - from + (isCarried ? 1 : 0) + 1) >> 1;
  });
  return { basePage, pages, elements };
}

/**
 * Writes the table that {@link measure} measured into `memory`, 8 * elements bytes (bpf/abi.h, "Unwind tables").
 * `ruleNumbers` gives the node-wide number of each of the rows' own rules.
 */
export function write(rows: UnwindRows, extent: TableExtent, ruleNumbers: Uint16Array, memory: ArrayBuffer): void {
  const { fileOffsets, ruleIndices } = rows;
  const index = new Uint32Array(memory, 0, extent.pages * 2);
  const halves = new Uint16Array(memory);
  let element = extent.pages;
  forEachPage(rows, extent.basePage, extent.pages, (page, from, to, isCarried) => {
    let half = element * 4;
    if (isCarried) {
      halves[half] = 0;
      halves[half + 1] = from > 0 ? numberOf(ruleIndices[from - 1], ruleNumbers) : RULE_NONE;
      half += 2;
    }
    for (let row = from; row < to; row++) {
      halves[half] = fileOffsets[row] & PAGE_MASK;
      halves[half + 1] = numberOf(ruleIndices[row], ruleNumbers);
      half += 2;
    }
    if (half % 4 !== 0) {
      halves[half] = halves[half - 2];
      halves[half + 1] = halves[half - 1];
      half += 2;
    }
    index[page * 2] = half > element * 4 ? element : 0;
    index[page * 2 + 1] = half / 4 - element;
    element = half / 4;
  });
}

function numberOf(ruleIndex: number, ruleNumbers: Uint16Array): number {
  return ruleIndex < RULE_FIRST_FREE ? ruleIndex : (ruleNumbers[ruleIndex - RULE_FIRST_FREE] ?? RULE_UNSUPPORTED);
}

/**
 * Calls back for each page with its rows [from, to), and whether a row for the page's beginning has to be put before
 * them: the rule in force there. A page in which nothing is known has no rows and none to be put before.
 */
function forEachPage(
  { fileOffsets, ruleIndices }: UnwindRows,
  basePage: number,
  pages: number,
  visit: (page: number, from: number, to: number, isCarried: boolean) => void,
): void {
  let from = 0;
  for (let page = 0; page < pages; page++) {
    let to = from;
    while (to < fileOffsets.length && fileOffsets[to] >>> PAGE_SHIFT === basePage + page) to++;
    const startsAtZero = to > from && (fileOffsets[from] & PAGE_MASK) === 0;
    const inForce = from > 0 ? ruleIndices[from - 1] : RULE_NONE;
    const isCarried = !startsAtZero && (to > from || inForce !== RULE_NONE);
    visit(page, from, to, isCarried);
    from = to;
  }
}

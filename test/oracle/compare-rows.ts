/**
 * Holds the converter's rows against `readelf --debug-dump=frames-interp`, every row of every function:
 *
 *   node build/test/oracle/compare-rows.js FILE...
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FileSource } from "#src/elf/byte-source.js";
import { type ElfFile, executableSegments, findSection, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { convert } from "#src/unwind/convert.js";
import {
  CFA_SP,
  emptyRule,
  formatFixedRule,
  formatRule,
  RULE_FIRST_FREE,
  RULE_FRAME_POINTER,
  RUN_OF_PUSHES,
  SAVE_CFA,
  SAVE_PUSHED,
  SAVE_SAME,
  type UnwindRule,
  FRAME_POINTER_RULE,
  unpackRule,
} from "#src/unwind/rule.js";
import type { UnwindRows } from "#src/unwind/table.js";
import { type ReadelfFunction, readelfFunctions, type ReadelfRow } from "./readelf-frames.js";

export interface Comparison {
  functions: number;
  rows: number;
  /** CFAs and saved registers given by expressions, which readelf does not print. */
  expressions: number;
  /** Functions whose bytes another function has, too. */
  overlapping: number;
  /** Rows that readelf has and that no rule can say: leaf registers, other stacks. */
  unsupported: number;
  /** Rows of Go's own table that say what its .debug_frame cannot: the first on a stack, a change of stacks. */
  goOnly: number;
  /** The first few, for a person. */
  differences: string[];
  differing: number;
}

interface Names {
  readonly sp: string;
  readonly fp: string;
  readonly bx: string;
  readonly ra: string;
  /** Registers by DWARF number. */
  readonly leaf: readonly string[];
}

const X86_64: Names = {
  sp: "rsp",
  fp: "rbp",
  bx: "rbx",
  ra: "ra",
  leaf: [
    "rax",
    "rdx",
    "rcx",
    "rbx",
    "rsi",
    "rdi",
    "rbp",
    "rsp",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rip",
  ],
};
const AARCH64: Names = { sp: "sp", fp: "x29", bx: "", ra: "ra", leaf: Array.from({ length: 17 }, (_, i) => `x${i}`) };

export async function compareRows(path: string): Promise<Comparison> {
  const fd = openSync(path, "r");
  try {
    const source = new FileSource(fd, fstatSync(fd).size);
    const elf = parseElf(source);
    if (isRefusal(elf)) throw new Error(`${path}: ${elf.detail}`);
    const { rows } = convert(source);
    const functions: ReadelfFunction[] = [];
    for await (const fde of readelfFunctions(path)) functions.push(fde);
    return new Comparer(elf, rows).compare(functions);
  } finally {
    closeSync(fd);
  }
}

/** Go's .debug_frame says nothing of registers that are saved; its other table does. */
function withoutSaved(rule: string): string {
  return rule.replace(/ rb[px]=\S+/g, "");
}

class Comparer {
  readonly #elf: ElfFile;
  readonly #rows: UnwindRows | undefined;
  readonly #names: Names;
  readonly #isGo: boolean;
  readonly #result: Comparison = {
    functions: 0,
    rows: 0,
    expressions: 0,
    overlapping: 0,
    unsupported: 0,
    goOnly: 0,
    differences: [],
    differing: 0,
  };

  constructor(elf: ElfFile, rows: UnwindRows | undefined) {
    this.#elf = elf;
    this.#rows = rows;
    this.#names = elf.machine === "x86-64" ? X86_64 : AARCH64;
    this.#isGo = findSection(elf, ".gopclntab") !== undefined;
  }

  compare(functions: ReadelfFunction[]): Comparison {
    functions.sort((a, b) => (a.section < b.section ? 1 : a.section > b.section ? -1 : a.start - b.start));
    // .eh_frame sorts before .debug_frame here, and has the bytes that both describe.
    const covered = new Map<number, number>();
    let end = 0;
    let section = "";
    for (const fde of functions) {
      if (fde.section !== section) end = 0;
      section = fde.section;
      if (!this.#isLoaded(fde)) continue;
      if (fde.start < end || covered.has(fde.start)) {
        this.#result.overlapping++;
        continue;
      }
      end = fde.end;
      covered.set(fde.start, fde.end);
      this.#compareFunction(fde);
    }
    return this.#result;
  }

  #isLoaded({ start, end }: ReadelfFunction): boolean {
    if (end <= start) return false;
    return executableSegments(this.#elf).some((s) => start >= s.elfAddress && end <= s.elfAddress + s.fileSize);
  }

  #compareFunction(fde: ReadelfFunction): void {
    this.#result.functions++;
    let depth = 0;
    for (let i = 0; i < fde.rows.length; i++) {
      const row = fde.rows[i];
      const end = Math.min(fde.rows[i + 1]?.location ?? fde.end, fde.end);
      const onStack = new RegExp(`^${this.#names.sp}\\+(\\d+)$`).exec(row.cfa);
      const here = onStack ? Number(onStack[1]) : Infinity;
      depth = Math.max(depth, here);
      if (row.location >= end) continue;
      this.#result.rows++;
      const isGo = fde.section === ".debug_frame" && this.#isGo;
      const said = fde.isSignalFrame ? ["signal"] : this.#expected(row, here, depth);
      const expected = isGo ? said.map(withoutSaved) : said;
      for (const [offset, found] of this.#ruleTexts(row.location, end)) {
        const actual = isGo ? withoutSaved(found) : found;
        // Go describes its signal trampoline as an ordinary function.
        if (expected.includes(actual) || (actual === "signal" && fde.section === ".debug_frame")) continue;
        if (isGo && (actual === "end" || actual.startsWith("cfa=switch"))) {
          this.#result.goOnly++;
          continue;
        }
        this.#result.differing++;
        if (this.#result.differences.length < 10) {
          this.#result.differences.push(
            `${offset.toString(16)} readelf: ${expected.join(" or ")}, converter: ${actual}`,
          );
        }
      }
    }
  }

  /** The texts that a right rule for the row may have: several, where readelf only says that there is an expression. */
  #expected(row: ReadelfRow, here: number, depth: number): string[] {
    const { sp, fp, bx, ra, leaf } = this.#names;
    const hasLinkRegister = this.#names === AARCH64;
    const raCell = row.cells.get(ra)?.replace(/^s$/, "lr") ?? (hasLinkRegister ? "lr" : "u");
    // readelf prints both what is undefined and what was never mentioned as "u".
    if (raCell === "u") return hasLinkRegister ? ["end", ...this.#withRa(row, here, depth, "lr")] : ["end"];
    const spCell = row.cells.get(sp) ?? "u";
    const isOrdinary = /^(c[-+]\d+|lr)$/.test(raCell) && (spCell === "u" || spCell === "v+0");
    const cfa = /^([a-z0-9]+)([-+]\d+)$/.exec(row.cfa);
    const canSay = cfa !== null && [sp, fp, bx, ...leaf].includes(cfa[1]);
    if (raCell !== "exp" && row.cfa !== "exp" && !(isOrdinary && canSay)) {
      this.#result.unsupported++;
      return ["unsupported"];
    }
    return this.#withRa(row, here, depth, raCell);
  }

  #withRa(row: ReadelfRow, here: number, depth: number, raCell: string): string[] {
    const { fp, bx } = this.#names;
    const cells = [
      this.#cfaTexts(row.cfa),
      this.#savedTexts("rbp", row.cells.get(fp), here, depth),
      this.#savedTexts("rbx", row.cells.get(bx), here, depth),
    ];
    const texts = cells.reduce((heads, tails) =>
      heads.flatMap((head) => tails.map((tail) => (tail === "" ? head : `${head} ${tail}`))),
    );
    const ras = raCell === "exp" ? ["ra=*(rsp+", "ra=*(rbp+"] : [`ra=${raCell}`];
    if (row.cfa === "exp" || raCell === "exp") this.#result.expressions++;
    const all = texts.flatMap((text) => ras.map((tail) => `${text} ${tail}`));
    return row.cfa === "exp" || raCell === "exp" ? [...all, "unsupported"] : all;
  }

  #cfaTexts(cfa: string): string[] {
    if (cfa === "exp") return ["cfa=exp"];
    const [, register, offset] = /^([a-z0-9]+?)([-+]\d+)$/.exec(cfa) ?? [];
    const { sp, fp, bx, leaf } = this.#names;
    if (register === sp) return [`cfa=rsp${offset}`];
    if (register === fp) return [`cfa=rbp${offset}`];
    if (register === bx) return [`cfa=rbx${offset}`];
    return [`cfa=leaf${leaf.indexOf(register ?? "")}${offset}`];
  }

  #savedTexts(name: string, cell: string | undefined, here: number, depth: number): string[] {
    if (cell === undefined || cell === "u" || cell === "s") return ["", `${name}=u`];
    const saved = /^c-(\d+)$/.exec(cell);
    // Popped: its place is above sp no more, but was.
    if (saved && Number(saved[1]) > here && Number(saved[1]) <= depth) return [""];
    if (cell === "exp") {
      this.#result.expressions++;
      return [`${name}=exp`, `${name}=u`];
    }
    return /^c[-+]\d+$/.test(cell) ? [`${name}=${cell}`] : [`${name}=u`];
  }

  /** The converter's rules in an ELF address range, each with where it begins. Expressions read as readelf prints them. */
  *#ruleTexts(start: number, end: number): Generator<[number, string]> {
    const segment = executableSegments(this.#elf).find(
      (s) => start >= s.elfAddress && start < s.elfAddress + s.fileSize,
    );
    if (this.#rows === undefined || segment === undefined) {
      yield [start, "no rows"];
      return;
    }
    const bias = segment.elfAddress - segment.fileOffset;
    const { fileOffsets } = this.#rows;
    let low = 0;
    let high = fileOffsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (fileOffsets[middle] <= start - bias) low = middle + 1;
      else high = middle;
    }
    if (low === 0) yield [start, "none"];
    for (let row = Math.max(0, low - 1); row < fileOffsets.length && fileOffsets[row] < end - bias; row++) {
      const pieces = piecesOf(this.#rows, row);
      for (const [i, { distance, text }] of pieces.entries()) {
        const from = fileOffsets[row] + distance + bias;
        const next =
          i + 1 < pieces.length ? fileOffsets[row] + pieces[i + 1].distance : (fileOffsets[row + 1] ?? Infinity);
        if (next + bias > start && from < end) yield [Math.max(start, from), text];
      }
    }
  }
}

interface Piece {
  /** From the row's beginning, bytes. */
  readonly distance: number;
  readonly text: string;
}

/** What a row says, as readelf would: one piece, or of a run one for each push or pop. */
function piecesOf(rows: UnwindRows, row: number): Piece[] {
  const index = rows.ruleIndices[row];
  if (index === RULE_FRAME_POINTER) return [{ distance: 0, text: formatRule(FRAME_POINTER_RULE) }];
  if (index < RULE_FIRST_FREE) return [{ distance: 0, text: formatFixedRule(index) }];
  const words = new Uint32Array(rows.rules.buffer, rows.rules.byteOffset, rows.rules.byteLength / 4);
  const rule = unpackRule(words, (index - RULE_FIRST_FREE) * 4, emptyRule());
  if (rule.cfaKind !== CFA_SP || rule.cfaRegister === 0) return [{ distance: 0, text: textOf(rule) }];
  const step = rule.cfaRegister === RUN_OF_PUSHES ? 8 : -8;
  const distances = [0, ...Array.from({ length: 16 }, (_, i) => i + 1).filter((n) => (rule.cfaAddend >> (n - 1)) & 1)];
  return distances.map((distance, count) => {
    const plain = { ...rule, cfaRegister: 0, cfaAddend: 0, cfaOffset: rule.cfaOffset + step * count };
    const kindAt = (kind: number, offset: number) =>
      kind !== SAVE_PUSHED ? kind : -offset > plain.cfaOffset ? SAVE_SAME : SAVE_CFA;
    plain.fpKind = kindAt(plain.fpKind, plain.fpOffset);
    plain.bxKind = kindAt(plain.bxKind, plain.bxOffset);
    return { distance, text: textOf(plain) };
  });
}

/** "cfa=rsp+16 rbp=c-16 ra=c-8", expressions as readelf prints them. */
function textOf(rule: Readonly<UnwindRule>): string {
  const fromCfa = (offset: number) => `c${offset - rule.cfaOffset}`;
  const text = formatRule(rule);
  // What lies too far below the CFA for its field is said from sp: the same place.
  const isFar = rule.cfaKind === CFA_SP && rule.cfaOffset > 0x7fff;
  const near = isFar ? text.replace(/\*\(rsp([-+]\d+)\)/g, (_, offset: string) => fromCfa(Number(offset))) : text;
  return near.replace(/cfa=(\*|rsp\S*8\*)\S+/, "cfa=exp").replace(/(rbp|rbx)=\*\(\S+/g, "$1=exp");
}

async function main(paths: readonly string[]): Promise<void> {
  let failed = false;
  for (const path of paths) {
    const { differences, ...counts } = await compareRows(path);
    console.log(path, counts);
    for (const difference of differences) console.log(`  ${difference}`);
    failed ||= counts.differing > 0;
  }
  process.exitCode = failed ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));

import type { OrderedRows } from "./merge.js";
import {
  CFA_SP,
  emptyRule,
  PAGE_SHIFT,
  RULE_FIRST_FREE,
  RUN_BYTES,
  RUN_OF_POPS,
  RUN_OF_PUSHES,
  SAVE_CFA,
  SAVE_PUSHED,
  SAVE_SAME,
  type UnwindRule,
} from "./rule.js";
import { RuleSet } from "./rule-set.js";
import type { UnwindRows } from "./table.js";

/**
 * A rule is worth its bytes, and one of the node's ABI_MAX_RULES numbers, where it saves this many rows of its file.
 * Measured on all of /usr, 2,449 files, whose tables are 61 MiB without runs: from 1 row on 25 MiB and 41,314 distinct
 * rules, from 8 rows 26 MiB and 11,553, from 32 rows 28 MiB and 6,756, from 128 rows 31 MiB and 5,443.
 */
const MIN_ROWS_SAVED = 32;

/**
 * Joins the rows of a run of pushes or pops into one (bpf/abi.h, struct abi_rule). It takes no knowledge of instructions:
 * a run is what rows say, CFA offsets that move by 8 within {@link RUN_BYTES}. The answers stay the same at every
 * address, except that a register whose place is below sp counts as unchanged.
 *
 * A run ends with its page: the row that is carried into the next page would be counted from that page's beginning.
 */
export function joinRuns(rows: OrderedRows, rules: RuleSet): OrderedRows {
  const { fileOffsets, ruleIndices } = rows;
  const run = new Run(rows, rules);
  // First all runs, in columns, to see which of their rules are frequent: rows taken, and the rule.
  const lengths = new Uint8Array(fileOffsets.length);
  const candidates = new Uint16Array(fileOffsets.length);
  const runRules = new RuleSet();
  const saved: number[] = [];
  let runs = 0;
  for (let row = 0; row < fileOffsets.length; runs++) {
    const length = run.grow(row) - row + 1;
    const candidate = length > 1 ? runRules.add(run.rule()) : -1;
    lengths[runs] = candidate < 0 ? 1 : length;
    if (candidate >= 0) {
      candidates[runs] = candidate;
      saved[candidate] = (saved[candidate] ?? 0) + length - 1;
    }
    row += lengths[runs];
  }
  const indices = saved.map((count, candidate) => (count < MIN_ROWS_SAVED ? -1 : rules.add(runRules.get(candidate))));
  // Then in place: a run takes one row of those already read.
  let count = 0;
  let row = 0;
  for (let i = 0; i < runs; i++) {
    const end = row + lengths[i];
    const index = lengths[i] > 1 ? indices[candidates[i]] : -1;
    for (; row < end; row++) {
      fileOffsets[count] = fileOffsets[row];
      ruleIndices[count++] = index < 0 ? ruleIndices[row] : RULE_FIRST_FREE + index;
      if (index >= 0) break;
    }
    row = end;
  }
  return { fileOffsets: fileOffsets.subarray(0, count), ruleIndices: ruleIndices.subarray(0, count) };
}

/** Gives the rules that rows use new numbers, without the holes of those that only joined rows used. */
export function packUsedRules({ fileOffsets, ruleIndices }: OrderedRows, rules: RuleSet): UnwindRows {
  const numbers = new Int32Array(rules.size).fill(-1);
  const used: number[] = [];
  for (let row = 0; row < ruleIndices.length; row++) {
    const index = ruleIndices[row] - RULE_FIRST_FREE;
    if (index < 0) continue;
    if (numbers[index] < 0) numbers[index] = used.push(index) - 1;
    ruleIndices[row] = RULE_FIRST_FREE + numbers[index];
  }
  return { fileOffsets, ruleIndices, rules: rules.pack(used) };
}

/** A register's place in the run: the one offset at which its rows have it, or none so far. */
interface Saved {
  isSaved: boolean;
  offset: number;
}

class Run {
  readonly #offsets: Uint32Array;
  readonly #indices: Uint16Array;
  readonly #rules: RuleSet;
  readonly #unpacked: UnwindRule[] = [];
  readonly #fp: Saved = { isSaved: false, offset: 0 };
  readonly #bx: Saved = { isSaved: false, offset: 0 };
  readonly #joined = emptyRule();
  #first = 0;
  #last = 0;

  constructor(rows: OrderedRows, rules: RuleSet) {
    this.#offsets = rows.fileOffsets;
    this.#indices = rows.ruleIndices;
    this.#rules = rules;
  }

  /** The last row of the run that begins with this one; the row itself when none does. */
  grow(first: number): number {
    this.#first = this.#last = first;
    const start = this.#offsets[first];
    const rule = this.#ruleOf(first);
    if (rule === undefined || !this.#begin(rule)) return first;
    let direction = 0;
    let previous = rule;
    for (let row = first + 1; row < this.#offsets.length && this.#offsets[row] - start <= RUN_BYTES; row++) {
      const next = this.#ruleOf(row);
      if (next?.raOffset !== rule.raOffset || next.raKind !== rule.raKind) break;
      const change = next.cfaOffset - previous.cfaOffset;
      if ((change !== 8 && change !== -8) || (direction !== 0 && change !== direction)) break;
      // The last row of the file reaches to its page's end.
      const end = row + 1 < this.#offsets.length ? this.#offsets[row + 1] : Infinity;
      if (Math.floor((end - 1) / 2 ** PAGE_SHIFT) !== start >>> PAGE_SHIFT) break;
      if (!this.#accepts(next)) break;
      direction = change;
      previous = next;
      this.#last = row;
    }
    return this.#last;
  }

  /** The rule of the run that was grown, of more than one row. */
  rule(): UnwindRule {
    const first = this.#unpacked[this.#indices[this.#first] - RULE_FIRST_FREE];
    const last = this.#unpacked[this.#indices[this.#last] - RULE_FIRST_FREE];
    const joined = this.#joined;
    joined.cfaOffset = first.cfaOffset;
    joined.raKind = first.raKind;
    joined.raOffset = first.raOffset;
    joined.cfaRegister = last.cfaOffset > first.cfaOffset ? RUN_OF_PUSHES : RUN_OF_POPS;
    let ends = 0;
    for (let row = this.#first + 1; row <= this.#last; row++) {
      ends |= 1 << (this.#offsets[row] - this.#offsets[this.#first] - 1);
    }
    joined.cfaAddend = (ends << 16) >> 16;
    joined.fpKind = this.#fp.isSaved ? SAVE_PUSHED : SAVE_SAME;
    joined.fpOffset = this.#fp.offset;
    joined.bxKind = this.#bx.isSaved ? SAVE_PUSHED : SAVE_SAME;
    joined.bxOffset = this.#bx.offset;
    return joined;
  }

  /** The row's rule where its CFA is by sp and its registers are saved in the frame, if at all. */
  #ruleOf(row: number): UnwindRule | undefined {
    const index = this.#indices[row] - RULE_FIRST_FREE;
    if (index < 0) return undefined;
    const rule = (this.#unpacked[index] ??= this.#rules.get(index));
    const isPlain = rule.cfaKind === CFA_SP && isOrdinary(rule.fpKind) && isOrdinary(rule.bxKind);
    return isPlain ? rule : undefined;
  }

  #begin(rule: UnwindRule): boolean {
    return begin(this.#fp, rule.fpKind, rule.fpOffset, rule) && begin(this.#bx, rule.bxKind, rule.bxOffset, rule);
  }

  #accepts(next: UnwindRule): boolean {
    const first = this.#unpacked[this.#indices[this.#first] - RULE_FIRST_FREE];
    const most = Math.max(first.cfaOffset, this.#unpacked[this.#indices[this.#last] - RULE_FIRST_FREE].cfaOffset);
    return (
      canContinue(this.#fp, next.fpKind, next.fpOffset, next.cfaOffset, most) &&
      canContinue(this.#bx, next.bxKind, next.bxOffset, next.cfaOffset, most) &&
      keep(this.#fp, next.fpKind, next.fpOffset) &&
      keep(this.#bx, next.bxKind, next.bxOffset)
    );
  }
}

function isOrdinary(kind: number): boolean {
  return kind === SAVE_SAME || kind === SAVE_CFA;
}

/** Whether a run can begin so: what is saved lies above sp. */
function begin(saved: Saved, kind: number, offset: number, rule: UnwindRule): boolean {
  saved.isSaved = kind === SAVE_CFA;
  saved.offset = offset;
  return !saved.isSaved || -offset <= rule.cfaOffset;
}

/**
 * Whether a row's word on a register is what the run's rule will say there: saved where its place is above sp, else
 * unchanged. One that is first saved here must not have had its place above sp in an earlier row; `most` is the
 * highest CFA offset of those.
 */
function canContinue(saved: Saved, kind: number, offset: number, cfaOffset: number, most: number): boolean {
  if (kind === SAVE_CFA) return -offset <= cfaOffset && (saved.isSaved ? saved.offset === offset : -offset > most);
  return !saved.isSaved || -saved.offset > cfaOffset;
}

function keep(saved: Saved, kind: number, offset: number): boolean {
  if (kind === SAVE_CFA) {
    saved.isSaved = true;
    saved.offset = offset;
  }
  return true;
}

import type { ElfFile, ElfSegment } from "../../elf/elf-file.js";
import type { Steps } from "../../util/steps.js";
import type { FunctionRows } from "../function-rows.js";
import { RULE_NONE } from "../rule.js";
import type { RuleSet } from "../rule-set.js";
import { branchOf, GOES_ON, CALLS, CALLS_INDIRECTLY, MAY_JUMP } from "./branches.js";
import { CodeMap, type CodeRegion, ENTRY, INSIDE } from "./code-map.js";
import { certainEntries, readJumpTable } from "./entries.js";
import { FunctionFlow } from "./function-flow.js";
import { Imports } from "./imports.js";
import { Instruction, MAP_ONE, MAP_TWO } from "./instruction.js";
import { Returning } from "./returning.js";
import { StackStates } from "./stack-states.js";

/** Code that is looked at, of one file: a second or so for a compiler's output of this size. */
const MAX_CODE_BYTES = 6 * 1024 * 1024;
const MAX_REGIONS = 8192;
/** Instructions that are followed, of one file. Each is seen about once; hostile code has paths that differ at each. */
const MAX_INSTRUCTIONS = 2_500_000;
/** Of these, on what turned out to be no function. */
const MAX_WASTED = 400_000;
/** Followed before others may have their turn. */
const FUNCTIONS_OF_A_STEP = 64;
/** What is no code is looked at again at the next place where functions begin. */
const FUNCTION_ALIGNMENT = 16;

/** What became of the code that was looked at. */
export interface CodeRowsCounts {
  /** Of the bytes that no table describes: all, and those of instructions that now have a rule. */
  bytes: number;
  described: number;
  /** Functions followed, and those of which nothing came. */
  functions: number;
  refused: number;
  /** Instructions followed. */
  instructions: number;
  /** Set when a limit left code out. */
  limit: string | undefined;
}

/**
 * Derives rows from x86-64 code that no table describes, from what its instructions do to rsp and rbp. `gaps` are the ranges of
 * such code by file offset, ascending. Never throws on bad code; what cannot be said for certain gets no row.
 */
export function* addCodeRows(
  elf: ElfFile,
  segments: readonly ElfSegment[],
  gaps: Iterable<readonly [number, number]>,
  rules: RuleSet,
  into: FunctionRows,
): Steps<CodeRowsCounts> {
  const derivation = yield* deriveStates(elf, segments, gaps, rules);
  const described = derivation.write(into);
  return { ...derivation.counts, described };
}

/** The same without its last step: the states themselves, of each instruction. */
export function* deriveStates(
  elf: ElfFile,
  segments: readonly ElfSegment[],
  gaps: Iterable<readonly [number, number]>,
  rules: RuleSet,
): Steps<Derivation> {
  const { ranges, limit } = limited(gaps);
  const derivation = new Derivation(elf, new CodeMap(elf, segments, ranges), rules);
  yield* derivation.run();
  derivation.counts.limit ??= limit;
  return derivation;
}

function limited(gaps: Iterable<readonly [number, number]>): {
  ranges: (readonly [number, number])[];
  limit: string | undefined;
} {
  const ranges: (readonly [number, number])[] = [];
  let budget = MAX_CODE_BYTES;
  for (const [from, to] of gaps) {
    if (ranges.length === MAX_REGIONS || budget === 0) return { ranges, limit: "more code without unwind information" };
    const end = Math.min(to, from + budget);
    ranges.push([from, end]);
    budget -= end - from;
  }
  return { ranges, limit: undefined };
}

/** What is found of one file's code. */
export class Derivation {
  readonly code: CodeMap;
  readonly states: StackStates;
  readonly counts: CodeRowsCounts;
  readonly #flow: FunctionFlow;
  readonly #waiting: number[];
  #wasted = 0;

  constructor(elf: ElfFile, code: CodeMap, rules: RuleSet) {
    this.code = code;
    this.counts = { bytes: code.bytes, described: 0, functions: 0, refused: 0, instructions: 0, limit: undefined };
    this.states = new StackStates(rules);
    this.#waiting = certainEntries(elf, code).sort((a, b) => b - a);
    const returning = new Returning(code, new Imports(elf));
    this.#flow = new FunctionFlow(
      {
        code,
        states: this.states,
        returning,
        readTable: (table) => readJumpTable(elf, code, table),
      },
      MAX_INSTRUCTIONS,
    );
  }

  *run(): Steps<void> {
    yield* this.#followCertain();
    for (const region of this.code.regions) yield* this.#sweep(region);
    this.counts.instructions = MAX_INSTRUCTIONS - Math.max(0, this.#flow.fuel);
    if (this.#flow.fuel < 0 || this.#wasted >= MAX_WASTED) {
      this.counts.limit = "code without unwind information is left out";
    }
  }

  *#followCertain(): Steps<void> {
    for (let entry = this.#waiting.pop(); entry !== undefined && this.#flow.fuel > 0; entry = this.#waiting.pop()) {
      this.#follow(entry, true);
      if (this.counts.functions % FUNCTIONS_OF_A_STEP === 0) yield;
    }
  }

  #follow(entry: number, isCertain: boolean): boolean {
    this.counts.functions++;
    const { fuel } = this.#flow;
    const callees = this.#flow.follow(entry, isCertain);
    if (callees === undefined) {
      this.counts.refused++;
      this.#wasted += fuel - this.#flow.fuel;
      return false;
    }
    for (const callee of callees) {
      if (this.code.addEntry(callee)) this.#waiting.push(callee);
    }
    return true;
  }

  /** Looks for functions in what is left: behind the end of others, and where functions are aligned. */
  *#sweep(region: CodeRegion): Steps<void> {
    const { bytes, states, start, marks } = region;
    const instruction = new Instruction();
    let at = 0;
    while (at < bytes.length && this.#flow.fuel > 0 && this.#wasted < MAX_WASTED) {
      if (states[at] !== 0) {
        at++;
        continue;
      }
      if (!instruction.decode(bytes, at, bytes.length)) {
        at = (Math.floor((start + at) / FUNCTION_ALIGNMENT) + 1) * FUNCTION_ALIGNMENT - start;
        continue;
      }
      const padding = paddingAt(bytes, at, instruction);
      if (padding > 0) {
        at += padding;
        continue;
      }
      if ((marks[at] & ENTRY) === 0 && this.#follow(start + at, false)) {
        yield* this.#followCertain();
        if (this.counts.functions % FUNCTIONS_OF_A_STEP === 0) yield;
        continue;
      }
      at = this.#pass(region, at, instruction);
    }
  }

  /** Passes over code that is no function, to behind its end. */
  #pass({ bytes, states }: CodeRegion, from: number, instruction: Instruction): number {
    let at = from;
    while (at < bytes.length && states[at] === 0) {
      this.#flow.fuel--;
      this.#wasted++;
      if (!instruction.decode(bytes, at, bytes.length)) return at;
      at += instruction.length;
      const branch = branchOf(instruction);
      const goesOn = branch === GOES_ON || branch === CALLS || branch === CALLS_INDIRECTLY || branch === MAY_JUMP;
      if (!goesOn) return at;
    }
    return at;
  }

  /** Writes what was found as functions without gaps; the number of bytes that have a rule. */
  write(into: FunctionRows): number {
    let described = 0;
    for (const { states, start } of this.code.regions) {
      let at = 0;
      while (at < states.length) {
        if (states[at] === 0 || states[at] === INSIDE) {
          at++;
          continue;
        }
        let end = at + 1;
        while (end < states.length && states[end] !== 0) end++;
        if (into.begin(start + at, end - at)) {
          let rule: number = RULE_NONE;
          for (let i = at; i < end; i++) {
            if (states[i] !== INSIDE) into.add(i - at, (rule = this.states.ruleOf(states[i])));
            if (rule !== RULE_NONE) described++;
          }
          into.endFde(true);
        }
        at = end;
      }
    }
    return described;
  }
}

/** Bytes of what stands between functions: nop of each length, int3, zeros. */
function paddingAt(bytes: Uint8Array, at: number, { opcode, map, length }: Instruction): number {
  if (bytes[at] === 0 || bytes[at] === 0xcc) return 1;
  return (map === MAP_ONE && opcode === 0x90) || (map === MAP_TWO && opcode === 0x1f) ? length : 0;
}

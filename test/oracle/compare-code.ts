/**
 * Holds what is derived from machine code against what .eh_frame says, at each instruction of each function that it
 * describes; the code is looked at as if there were no such section:
 *
 *   node build/test/oracle/compare-code.js FILE...
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FileSource } from "#src/elf/byte-source.js";
import { executableSegments, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { deriveStates } from "#src/unwind/code/code-rows.js";
import { takeSteps } from "#src/util/steps.js";
import { Instruction } from "#src/unwind/code/instruction.js";
import { entryState, LOST, SAME, type StackState, UNKNOWN } from "#src/unwind/code/stack-states.js";
import { convert } from "#src/unwind/convert.js";
import {
  CFA_FP,
  CFA_SP,
  emptyRule,
  FRAME_POINTER_RULE,
  formatFixedRule,
  formatRule,
  RULE_END,
  RULE_FIRST_FREE,
  RULE_FRAME_POINTER,
  RUN_OF_PUSHES,
  SAVE_CFA,
  SAVE_PUSHED,
  SAVE_SAME,
  type UnwindRule,
  unpackRule,
} from "#src/unwind/rule.js";
import { RuleSet } from "#src/unwind/rule-set.js";
import type { UnwindRows } from "#src/unwind/table.js";
import { readelfFunctions } from "./readelf-frames.js";

export interface CodeComparison {
  instructions: number;
  /** Both say the same CFA, and the same of rbp and rbx. */
  equal: number;
  /** The same CFA, and a register is lost that .eh_frame knows. */
  lost: number;
  /** The CFA is given by different registers, so nothing can be said. */
  incomparable: number;
  /** No row. */
  none: number;
  wrong: number;
  /** .eh_frame is outside of what derived rows can say. */
  expressions: number;
  /** The first few that are wrong. */
  differences: string[];
  /** Functions with instructions without a row. */
  noneFunctions: Map<string, number>;
  ms: number;
}

export async function compareCode(path: string): Promise<CodeComparison> {
  const fd = openSync(path, "r");
  try {
    const source = new FileSource(fd, fstatSync(fd).size);
    const elf = parseElf(source);
    if (isRefusal(elf)) throw new Error(`${path}: ${elf.detail}`);
    const rows = convert(source).rows!;
    const segments = executableSegments(elf).sort((a, b) => a.fileOffset - b.fileOffset);
    const started = performance.now();
    const whole = segments.map((s): [number, number] => [s.fileOffset, s.fileOffset + s.fileSize]);
    const derived = takeSteps(deriveStates(elf, segments, whole, new RuleSet()));
    const result: CodeComparison = {
      instructions: 0,
      equal: 0,
      lost: 0,
      incomparable: 0,
      none: 0,
      wrong: 0,
      expressions: 0,
      differences: [],
      noneFunctions: new Map(),
      ms: performance.now() - started,
    };
    const instruction = new Instruction();
    const state = entryState();
    for await (const { section, start, end, isSignalFrame } of readelfFunctions(path)) {
      const region = derived.code.find(start);
      if (section !== ".eh_frame" || isSignalFrame || region === undefined) continue;
      const segment = segments.find((s) => start >= s.elfAddress && start < s.elfAddress + s.fileSize)!;
      for (let at = start - region.start; at < Math.min(end, region.end) - region.start; at += instruction.length) {
        if (!instruction.decode(region.bytes, at, region.bytes.length)) break;
        const address = region.start + at;
        const rule = ruleAt(rows, address - segment.elfAddress + segment.fileOffset);
        derived.states.get(region.states[at] === 0xffff ? 0 : region.states[at], state);
        const verdict = judge(rule, state);
        result.instructions++;
        result[verdict]++;
        if (verdict === "none") {
          const key = start.toString(16);
          result.noneFunctions.set(key, (result.noneFunctions.get(key) ?? 0) + 1);
        }
        if (verdict === "wrong" && result.differences.length < 4000) {
          const text = typeof rule === "number" ? formatFixedRule(rule) : formatRule(rule);
          result.differences.push(
            `${address.toString(16)} in ${start.toString(16)}: ${text}; derived sp ${state.sp} fp ${state.fp} rbp ${state.fpSaved} rbx ${state.bxSaved} end ${state.end}`,
          );
        }
      }
    }
    return result;
  } finally {
    closeSync(fd);
  }
}

type Verdict = "equal" | "lost" | "incomparable" | "none" | "wrong" | "expressions";

function judge(rule: number | UnwindRule, state: Readonly<StackState>): Verdict {
  if (state.sp === 0 || (state.sp === UNKNOWN && state.fp === UNKNOWN && state.end === 0)) return "none";
  if (typeof rule === "number") {
    if (rule !== RULE_END) return "expressions";
    return state.end === 1 ? "equal" : "wrong";
  }
  if (state.end === 1) return "wrong";
  if (rule.cfaKind !== CFA_SP && rule.cfaKind !== CFA_FP) return "expressions";
  const place = rule.cfaKind === CFA_SP ? state.sp : state.fp;
  if (place === UNKNOWN) return "incomparable";
  if (place !== rule.cfaOffset) return "wrong";
  const fp = judgeSaved(rule.fpKind, rule.fpOffset, state.fpSaved, state.sp);
  const bx = judgeSaved(rule.bxKind, rule.bxOffset, state.bxSaved, state.sp);
  if (fp === "wrong" || bx === "wrong") return "wrong";
  return fp === "lost" || bx === "lost" ? "lost" : "equal";
}

/**
 * Compilers may say of a push later that it was one, as long as the register keeps its value; and of a pop nothing, for the
 * place below sp still has it.
 */
function judgeSaved(kind: number, offset: number, saved: number, sp: number): "equal" | "lost" | "wrong" {
  const isSaid = kind === SAVE_SAME || kind === SAVE_CFA;
  if (saved === LOST) return isSaid ? "lost" : "equal";
  if (!isSaid) return "equal";
  if (kind === SAVE_SAME) return "equal";
  return saved === -offset || (saved === SAME && sp !== UNKNOWN && -offset > sp) ? "equal" : "wrong";
}

/** The rule in force at a file offset, of a run what it says there; a fixed rule's number. */
function ruleAt(rows: UnwindRows, offset: number): number | UnwindRule {
  const { fileOffsets, ruleIndices, rules } = rows;
  let low = 0;
  let high = fileOffsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (fileOffsets[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  const index = ruleIndices[low - 1];
  if (index === RULE_FRAME_POINTER) return { ...FRAME_POINTER_RULE };
  if (index < RULE_FIRST_FREE) return index;
  const words = new Uint32Array(rules.buffer, rules.byteOffset, rules.byteLength / 4);
  const rule = unpackRule(words, (index - RULE_FIRST_FREE) * 4, emptyRule());
  if (rule.cfaKind !== CFA_SP || rule.cfaRegister === 0) return rule;
  const distance = offset - fileOffsets[low - 1];
  let behind = 0;
  for (let bit = 0; bit < Math.min(distance, 16); bit++) behind += (rule.cfaAddend >> bit) & 1;
  const cfaOffset = rule.cfaOffset + (rule.cfaRegister === RUN_OF_PUSHES ? 8 : -8) * behind;
  const kind = (one: number, at: number) => (one !== SAVE_PUSHED ? one : -at > cfaOffset ? SAVE_SAME : SAVE_CFA);
  return {
    ...rule,
    cfaRegister: 0,
    cfaAddend: 0,
    cfaOffset,
    fpKind: kind(rule.fpKind, rule.fpOffset),
    bxKind: kind(rule.bxKind, rule.bxOffset),
  };
}

async function main(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const { differences, noneFunctions, ...counts } = await compareCode(path);
    console.log(path, counts);
    for (const difference of differences.slice(0, 25)) console.log(`  ${difference}`);
    const most = [...noneFunctions].sort((a, b) => b[1] - a[1]).slice(0, 10);
    console.log(`  without rows: ${most.map(([name, count]) => `${name} ${count}`).join(", ")}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));

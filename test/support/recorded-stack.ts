import type { StackRecording } from "./stack-recording.js";
import {
  CFA_BX,
  CFA_DEREF_FP,
  CFA_DEREF_SP,
  CFA_FP,
  CFA_FP_SWITCH,
  CFA_INDEXED,
  CFA_LEAF,
  CFA_PLT,
  CFA_SP,
  emptyRule,
  packRule,
  RULE_BYTES,
  RULE_FIRST_FREE,
  RULE_WORDS,
  RUN_OF_POPS,
  RUN_OF_PUSHES,
  SAVE_CFA,
  SAVE_FP,
  SAVE_PUSHED,
  SAVE_SAME,
  SAVE_SP,
  SAVE_UNKNOWN,
  type UnwindRule,
} from "#src/unwind/rule.js";
import type { Registers } from "#src/unwind/step.js";
import type { UnwindRows } from "#src/unwind/table.js";

const FIXED_RULES = ["none", "end", "unsupported", "signal", "frame-pointer"];

export interface RecordedMapping {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  /** 0 for memory without a file. */
  readonly executable: number;
}

/** A recording, read for the TypeScript step. */
export interface RecordedStack {
  readonly registers: Registers;
  readonly mappings: readonly RecordedMapping[];
  /** By executable; none where there is no unwind information. */
  readonly rows: ReadonlyMap<number, UnwindRows>;
  /** Words of the stack by address, exact. */
  readonly words: ReadonlyMap<number, bigint>;
}

function hex(text: string | undefined): number {
  return Number(BigInt((text ?? "").startsWith("0x") ? text! : `0x${text ?? ""}`));
}

function parseCfa(text: string, rule: UnwindRule): void {
  const set = (kind: number, offset: string | undefined, addend = "0", register = "0"): void => {
    Object.assign(rule, {
      cfaKind: kind,
      cfaOffset: Number(offset),
      cfaAddend: Number(addend),
      cfaRegister: Number(register),
    });
  };
  let match = /^rsp([+-]\d+)([+-])8\*(?:pushes|pops)\(([0-9a-f]+)\)$/.exec(text);
  if (match) {
    const run = match[2] === "+" ? RUN_OF_PUSHES : RUN_OF_POPS;
    return set(CFA_SP, match[1], `${(hex(match[3]) << 16) >> 16}`, `${run}`);
  }
  match = /^rsp([+-]\d+)\+8\*\(\(rip&15\)>=(\d+)\)$/.exec(text);
  if (match) return set(CFA_PLT, match[1], match[2]);
  match = /^\*\((rsp|rbp)([+-]\d+)\)([+-]\d+)$/.exec(text);
  if (match) return set(match[1] === "rsp" ? CFA_DEREF_SP : CFA_DEREF_FP, match[2], match[3]);
  match = /^\*\(rsp([+-]\d+)\+8\*leaf(\d+)\)([+-]\d+)$/.exec(text);
  if (match) return set(CFA_INDEXED, match[1], match[3], match[2]);
  match = /^(rsp|rbp|rbx)([+-]\d+)$/.exec(text);
  if (match) return set(match[1] === "rsp" ? CFA_SP : match[1] === "rbp" ? CFA_FP : CFA_BX, match[2]);
  match = /^switch\(rbp([+-]\d+)\)$/.exec(text);
  if (match) return set(CFA_FP_SWITCH, match[1]);
  match = /^leaf(\d+)([+-]\d+)$/.exec(text);
  if (match) return set(CFA_LEAF, match[2], "0", match[1]);
  throw new Error(`not a CFA: ${text}`);
}

function parseSaved(text: string): { readonly kind: number; readonly offset: number } {
  if (text === "u") return { kind: SAVE_UNKNOWN, offset: 0 };
  if (text === "lr") return { kind: SAVE_SAME, offset: 0 };
  const pushed = /^pushed\(c([+-]\d+)\)$/.exec(text);
  if (pushed) return { kind: SAVE_PUSHED, offset: Number(pushed[1]) };
  const match = /^(?:c|\*\((rsp|rbp))([+-]\d+)\)?$/.exec(text);
  if (match === null) throw new Error(`not a place where a register is saved: ${text}`);
  return { kind: match[1] === undefined ? SAVE_CFA : match[1] === "rsp" ? SAVE_SP : SAVE_FP, offset: Number(match[2]) };
}

function parseRule(text: string): UnwindRule {
  const rule = { ...emptyRule(), raKind: SAVE_UNKNOWN };
  for (const part of text.split(" ")) {
    const [name, value] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)];
    if (name === "cfa") {
      parseCfa(value, rule);
      continue;
    }
    const { kind, offset } = parseSaved(value);
    if (name === "ra") Object.assign(rule, { raKind: kind, raOffset: offset });
    else if (name === "rbp") Object.assign(rule, { fpKind: kind, fpOffset: offset });
    else if (name === "rbx") Object.assign(rule, { bxKind: kind, bxOffset: offset });
    else throw new Error(`not a register: ${part}`);
  }
  return rule;
}

function rowsOf(lines: readonly { readonly offset: number; readonly rule: string }[]): UnwindRows {
  const distinct = [...new Set(lines.map(({ rule }) => rule))].filter((rule) => !FIXED_RULES.includes(rule));
  const words = new Uint32Array(distinct.length * RULE_WORDS);
  for (const [index, text] of distinct.entries()) packRule(parseRule(text), words, index * RULE_WORDS);
  const numberOf = (rule: string): number => {
    const fixed = FIXED_RULES.indexOf(rule);
    return fixed >= 0 ? fixed : RULE_FIRST_FREE + distinct.indexOf(rule);
  };
  return {
    fileOffsets: Uint32Array.from(lines, ({ offset }) => offset),
    ruleIndices: Uint16Array.from(lines, ({ rule }) => numberOf(rule)),
    rules: new Uint8Array(words.buffer, 0, distinct.length * RULE_BYTES),
  };
}

export function parseRecording(recording: StackRecording): RecordedStack {
  const registers: Registers = {
    ip: 0,
    sp: 0,
    fp: 0,
    bx: 0,
    lr: 0,
    leaf: new Float64Array(17),
    leafValid: false,
    returnAddress: false,
  };
  const mappings: RecordedMapping[] = [];
  const lines = new Map<number, { offset: number; rule: string }[]>();
  const words = new Map<number, bigint>();
  for (const line of recording.text.split("\n")) {
    const [word, ...parts] = line.split(" ");
    if (word === "registers") {
      const value = Object.fromEntries(parts.map((part) => part.split("=") as [string, string]));
      for (const name of ["ip", "sp", "fp", "bx", "lr"] as const) registers[name] = hex(value[name]);
      registers.returnAddress = value["return_address"] === "1";
    } else if (word === "leaf") {
      registers.leaf.set(parts.map(hex));
      registers.leafValid = true;
    } else if (word === "mapping") {
      const [start, end, fileOffset] = parts.map(hex) as [number, number, number];
      mappings.push({ start, end, fileOffset, executable: Number(parts[3]) });
    } else if (word === "row") {
      const executable = Number(parts[0]);
      const list = lines.get(executable) ?? [];
      list.push({ offset: hex(parts[1]), rule: parts.slice(2).join(" ") });
      lines.set(executable, list);
    } else if (word === "stack") {
      const start = hex(parts[0]);
      parts.slice(1).forEach((text, index) => words.set(start + 8 * index, BigInt(`0x${text}`)));
    }
  }
  const rows = new Map([...lines].map(([executable, list]) => [executable, rowsOf(list)] as const));
  return { registers, mappings, rows, words };
}

/** The stack's words as the step reads them: numbers, rounded from 2^53 up. */
export function memoryOf(words: ReadonlyMap<number, bigint>): {
  word(address: number): number | undefined;
  low48(address: number): number | undefined;
} {
  return {
    word: (address) => {
      const value = words.get(address);
      return value === undefined ? undefined : Number(value);
    },
    low48: (address) => {
      const value = words.get(address);
      return value === undefined ? undefined : Number(BigInt.asUintN(48, value));
    },
  };
}

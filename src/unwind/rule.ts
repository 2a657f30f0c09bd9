import { cfaKind, fixedRule, limits, saveKind } from "../native/abi.generated.js";

/** struct abi_rule of bpf/abi.h in TypeScript: its numbers, its layout, and a line that a person can read. */

/** enum abi_fixed_rule. */
export const RULE_NONE = fixedRule.none;
export const RULE_END = fixedRule.end;
export const RULE_UNSUPPORTED = fixedRule.unsupported;
export const RULE_SIGNAL = fixedRule.signal;
export const RULE_FRAME_POINTER = fixedRule.framePointer;
export const RULE_FIRST_FREE = fixedRule.firstFree;

/** enum abi_cfa_kind. */
export const CFA_SP = cfaKind.sp;
export const CFA_FP = cfaKind.fp;
export const CFA_BX = cfaKind.bx;
export const CFA_LEAF = cfaKind.leaf;
export const CFA_DEREF_SP = cfaKind.derefSp;
export const CFA_DEREF_FP = cfaKind.derefFp;
export const CFA_PLT = cfaKind.plt;
export const CFA_INDEXED = cfaKind.indexed;
export const CFA_FP_SWITCH = cfaKind.fpSwitch;

/** enum abi_save_kind. */
export const SAVE_SAME = saveKind.same;
export const SAVE_CFA = saveKind.cfa;
export const SAVE_FP = saveKind.fp;
export const SAVE_SP = saveKind.sp;
export const SAVE_UNKNOWN = saveKind.unknown;
export const SAVE_PUSHED = saveKind.pushed;

/** cfaRegister of a run: 8 or -8 in eight bits. */
export const RUN_OF_PUSHES = 8;
export const RUN_OF_POPS = 0xf8;

export const MAX_RULES = limits.maxRules;
export const PAGE_SHIFT = limits.pageShift;
export const RUN_BYTES = limits.runBytes;
/** Highest index of struct abi_registers' leaf. */
export const LAST_LEAF_REGISTER = 16;

export const RULE_BYTES = 16;
/** A rule is compared and hashed as this many 32-bit words. */
export const RULE_WORDS = 4;

/** struct abi_rule, unpacked. Offsets are in bytes. */
export interface UnwindRule {
  cfaKind: number;
  cfaRegister: number;
  fpKind: number;
  raKind: number;
  bxKind: number;
  cfaOffset: number;
  cfaAddend: number;
  fpOffset: number;
  raOffset: number;
  bxOffset: number;
}

export function emptyRule(): UnwindRule {
  return {
    cfaKind: 0,
    cfaRegister: 0,
    fpKind: 0,
    raKind: 0,
    bxKind: 0,
    cfaOffset: 0,
    cfaAddend: 0,
    fpOffset: 0,
    raOffset: 0,
    bxOffset: 0,
  };
}

/** What {@link RULE_FRAME_POINTER} stands for. */
export const FRAME_POINTER_RULE: Readonly<UnwindRule> = {
  ...emptyRule(),
  cfaKind: CFA_FP,
  cfaOffset: 16,
  fpKind: SAVE_CFA,
  fpOffset: -16,
  raKind: SAVE_CFA,
  raOffset: -8,
};

export function isFramePointerRule(rule: Readonly<UnwindRule>): boolean {
  return (
    rule.cfaKind === CFA_FP &&
    rule.cfaOffset === 16 &&
    rule.fpKind === SAVE_CFA &&
    rule.fpOffset === -16 &&
    rule.raKind === SAVE_CFA &&
    rule.raOffset === -8 &&
    rule.bxKind === SAVE_SAME
  );
}

/** Writes the rule's four words at `index` of `words`. Offsets must fit their fields. */
export function packRule(rule: Readonly<UnwindRule>, words: Uint32Array, index: number): void {
  words[index] =
    rule.cfaKind | (rule.cfaRegister << 8) | (rule.fpKind << 16) | (rule.raKind << 20) | (rule.bxKind << 24);
  words[index + 1] = rule.cfaOffset;
  words[index + 2] = (rule.cfaAddend & 0xffff) | (rule.fpOffset << 16);
  words[index + 3] = (rule.raOffset & 0xffff) | (rule.bxOffset << 16);
}

export function unpackRule(words: Uint32Array, index: number, rule: UnwindRule): UnwindRule {
  const kinds = words[index];
  rule.cfaKind = kinds & 0xff;
  rule.cfaRegister = (kinds >>> 8) & 0xff;
  rule.fpKind = (kinds >>> 16) & 0xf;
  rule.raKind = (kinds >>> 20) & 0xf;
  rule.bxKind = kinds >>> 24;
  rule.cfaOffset = words[index + 1] | 0;
  rule.cfaAddend = (words[index + 2] << 16) >> 16;
  rule.fpOffset = (words[index + 2] | 0) >> 16;
  rule.raOffset = (words[index + 3] << 16) >> 16;
  rule.bxOffset = (words[index + 3] | 0) >> 16;
  return rule;
}

/** Rules spread well under this: neighbours differ in one offset. */
export function hashRule(words: Uint32Array, index: number): number {
  let hash = words[index];
  for (let word = 1; word < RULE_WORDS; word++) {
    hash = Math.imul(hash ^ words[index + word], 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

export function equalRules(a: Uint32Array, indexA: number, b: Uint32Array, indexB: number): boolean {
  return (
    a[indexA] === b[indexB] &&
    a[indexA + 1] === b[indexB + 1] &&
    a[indexA + 2] === b[indexB + 2] &&
    a[indexA + 3] === b[indexB + 3]
  );
}

const FIXED_NAMES = ["none", "end", "unsupported", "signal", "frame-pointer"];

export function formatFixedRule(number: number): string {
  return FIXED_NAMES[number] ?? `rule-${number}`;
}

/** "cfa=rsp+16 rbp=c-16 ra=c-8": x86-64 register names; what is unchanged is left out. */
export function formatRule(rule: Readonly<UnwindRule>): string {
  const parts = [`cfa=${formatCfa(rule)}`];
  if (rule.fpKind !== SAVE_SAME) parts.push(`rbp=${formatSaved(rule.fpKind, rule.fpOffset)}`);
  if (rule.bxKind !== SAVE_SAME) parts.push(`rbx=${formatSaved(rule.bxKind, rule.bxOffset)}`);
  parts.push(`ra=${rule.raKind === SAVE_SAME ? "lr" : formatSaved(rule.raKind, rule.raOffset)}`);
  return parts.join(" ");
}

function formatCfa(rule: Readonly<UnwindRule>): string {
  const offset = signed(rule.cfaOffset);
  switch (rule.cfaKind) {
    case CFA_SP:
      return `rsp${offset}${formatRun(rule)}`;
    case CFA_FP:
      return `rbp${offset}`;
    case CFA_FP_SWITCH:
      return `switch(rbp${offset})`;
    case CFA_BX:
      return `rbx${offset}`;
    case CFA_LEAF:
      return `leaf${rule.cfaRegister}${offset}`;
    case CFA_DEREF_SP:
      return `*(rsp${offset})${signed(rule.cfaAddend)}`;
    case CFA_DEREF_FP:
      return `*(rbp${offset})${signed(rule.cfaAddend)}`;
    case CFA_INDEXED:
      return `*(rsp${offset}+8*leaf${rule.cfaRegister})${signed(rule.cfaAddend)}`;
    default:
      return `rsp${offset}+8*((rip&15)>=${rule.cfaAddend})`;
  }
}

function formatRun({ cfaRegister, cfaAddend }: Readonly<UnwindRule>): string {
  if (cfaRegister === 0) return "";
  const ends = (cfaAddend & 0xffff).toString(16);
  return cfaRegister === RUN_OF_PUSHES ? `+8*pushes(${ends})` : `-8*pops(${ends})`;
}

function formatSaved(kind: number, offset: number): string {
  if (kind === SAVE_CFA) return `c${signed(offset)}`;
  if (kind === SAVE_PUSHED) return `pushed(c${signed(offset)})`;
  if (kind === SAVE_FP) return `*(rbp${signed(offset)})`;
  if (kind === SAVE_SP) return `*(rsp${signed(offset)})`;
  return "u";
}

function signed(offset: number): string {
  return offset < 0 ? `${offset}` : `+${offset}`;
}

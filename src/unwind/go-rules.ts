import type { Machine } from "../elf/elf-file.js";
import type { GoFunction, GoTable } from "../gopclntab/go-table.js";
import type { FunctionRows } from "./function-rows.js";
import {
  CFA_FP_SWITCH,
  CFA_SP,
  emptyRule,
  RULE_END,
  RULE_FIRST_FREE,
  RULE_UNSUPPORTED,
  SAVE_CFA,
  SAVE_FP,
  SAVE_SAME,
  SAVE_SP,
  SAVE_UNKNOWN,
  type UnwindRule,
} from "./rule.js";
import type { RuleSet } from "./rule-set.js";

/** Nothing lies below these on a stack: before Go 1.17 the table does not say so, and of the second two it never does. */
const FIRST_ON_STACK = new Set([
  "runtime.goexit",
  "runtime.mstart",
  "runtime.rt0_go",
  "runtime.mcall",
  "runtime.morestack",
]);
/**
 * What they call runs on the thread's stack, while their own frame is on the goroutine's. From Go 1.21 on they keep their
 * frame pointer; before, it is still that of the function that called them, which is then passed over.
 */
const CHANGE_STACKS = new Set(["runtime.systemstack", "runtime.asmcgocall"]);
/** Names of assembly say which calling convention they have. */
const CONVENTION = /\.abi0$/;
/** A rule says offsets in 32 bits; a function that never returns says 2^30. */
const MAX_FRAME_BYTES = 2 ** 31 - 16;

/**
 * Rules of Go code. How far sp is from where it was at the entry stands in the program's own table, right at each
 * instruction; that every function with a frame keeps the frame pointer next to it, in Go's ABI (src/cmd/compile/abi-internal.md;
 * of assembly: cmd/internal/obj/x86/obj6.go, arm64/obj7.go).
 */
export class GoRules {
  readonly #machine: Machine;
  readonly #rules: RuleSet;
  readonly #rule = emptyRule();
  /** A large program has five hundred. */
  readonly #plainByDepth = new Map<number, number>();

  constructor(machine: Machine, rules: RuleSet) {
    this.#machine = machine;
    this.#rules = rules;
  }

  addAll(table: GoTable, functions: FunctionRows): void {
    for (const one of table.functions()) {
      if (!functions.begin(one.start, one.limit - one.start)) continue;
      // Only these have a name that matters, and reading a hundred thousand takes a while.
      const isSpecial = !table.hasFlags || one.isTop || one.writesStackPointer;
      this.#add(one, isSpecial ? one.name().replace(CONVENTION, "") : "", functions);
      functions.endFde(true);
    }
  }

  #add(one: GoFunction, name: string, functions: FunctionRows): void {
    if (one.isTop || FIRST_ON_STACK.has(name)) {
      functions.add(0, RULE_END);
      return;
    }
    const changesStacks = CHANGE_STACKS.has(name);
    const steps = one.stackSteps();
    const hasFrame = steps.some(({ value }) => value > 0);
    let from = 0;
    for (const { value, limit } of steps) {
      const isSwitch = value > 0 ? changesStacks || one.writesStackPointer : changesStacks && !hasFrame;
      functions.add(from, isSwitch ? this.#switching(value) : this.#plain(value));
      from = limit;
    }
  }

  /** sp is so many bytes below where it was at the entry. */
  #plain(depth: number): number {
    let index = this.#plainByDepth.get(depth);
    if (index === undefined) {
      index = this.#makePlain(depth);
      this.#plainByDepth.set(depth, index);
    }
    return index;
  }

  #makePlain(depth: number): number {
    const isX86 = this.#machine === "x86-64";
    const rule = this.#start(CFA_SP, depth + (isX86 ? 8 : 0));
    if (isX86) {
      save(rule, "ra", SAVE_CFA, -8);
      if (depth > 0) save(rule, "fp", SAVE_CFA, -16);
    } else if (depth > 0) {
      save(rule, "ra", SAVE_SP, 0);
      save(rule, "fp", SAVE_SP, -8);
    }
    return this.#intern(depth);
  }

  /** sp may be on another stack by now: the frame is where the frame pointer says. */
  #switching(depth: number): number {
    const isX86 = this.#machine === "x86-64";
    const rule = this.#start(CFA_FP_SWITCH, isX86 ? 16 : depth + 8);
    save(rule, "ra", SAVE_FP, 8);
    save(rule, "fp", SAVE_FP, 0);
    return this.#intern(depth);
  }

  #start(cfaKind: number, cfaOffset: number): UnwindRule {
    // Go keeps no register over a call but these.
    return Object.assign(this.#rule, emptyRule(), { cfaKind, cfaOffset, bxKind: SAVE_UNKNOWN, raKind: SAVE_SAME });
  }

  #intern(depth: number): number {
    if (Math.abs(depth) > MAX_FRAME_BYTES) return RULE_UNSUPPORTED;
    const index = this.#rules.add(this.#rule);
    return index < 0 ? RULE_UNSUPPORTED : RULE_FIRST_FREE + index;
  }
}

function save(rule: UnwindRule, register: "ra" | "fp", kind: number, offset: number): void {
  rule[`${register}Kind`] = kind;
  rule[`${register}Offset`] = offset;
}

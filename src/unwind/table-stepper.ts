import type { Machine } from "../elf/elf-file.js";
import { lookupRow, ruleOf, TABLE_CORRUPT, type TableView } from "./lookup.js";
import { emptyRule, RULE_NONE, RULE_WORDS, unpackRule } from "./rule.js";
import { step, type Registers, type StackMemory, type StepOutcome } from "./step.js";

/** What the kernel side does with an address and a table, here: look the rule up in the same memory, make the step. */
export class TableStepper {
  private readonly rule = emptyRule();

  constructor(
    private readonly machine: Machine,
    /** The memory of the `rules` map. */
    private readonly rules: Uint32Array,
  ) {}

  step(registers: Registers, table: TableView, fileOffset: number, stack: StackMemory): StepOutcome | undefined {
    const match = lookupRow(table, fileOffset);
    if (match === TABLE_CORRUPT) {
      return "unsupported-rule";
    }
    unpackRule(this.rules, ruleOf(match) * RULE_WORDS, this.rule);
    return step(this.machine, registers, match, this.rule, stack);
  }

  /** In code that nothing is known of: by frame pointer. */
  stepWithoutRows(registers: Registers, stack: StackMemory): StepOutcome | undefined {
    return step(this.machine, registers, RULE_NONE, this.rule, stack);
  }
}

import { limits } from "#src/native/abi.generated.js";
import { lookupRow, ruleOf, TABLE_CORRUPT, viewTable } from "#src/unwind/lookup.js";
import { measure, write } from "#src/unwind/pages.js";
import { emptyRule, RULE_FIRST_FREE, RULE_NONE, RULE_WORDS, unpackRule } from "#src/unwind/rule.js";
import { lookupAddress, step } from "#src/unwind/step.js";
import type { UnwindRows } from "#src/unwind/table.js";
import { memoryOf, parseRecording } from "./recorded-stack.js";
import type { StackRecording } from "./stack-recording.js";

/** The row in force, found as the product finds it: in the bytes of a published table. */
function rowFinder(rows: UnwindRows): (offset: number) => number {
  const extent = measure(rows);
  const memory = new ArrayBuffer(extent.elements * 8);
  const numbers = Uint16Array.from(
    { length: rows.rules.length / (RULE_WORDS * 4) },
    (_, index) => RULE_FIRST_FREE + index,
  );
  write(rows, extent, numbers, memory);
  const view = viewTable(memory, extent);
  return (offset) => lookupRow(view, offset);
}

/** Walks a recording with the TypeScript step. Returns the frames and the outcome as a recording expects them. */
export function walkRecording(recording: StackRecording): string {
  const { registers, mappings, rows, words } = parseRecording(recording);
  const finders = new Map([...rows].map(([executable, own]) => [executable, rowFinder(own)] as const));
  const memory = memoryOf(words);
  const rule = emptyRule();
  const lines: string[] = [];
  let outcome: string | undefined;
  for (let depth = 0; outcome === undefined; depth++) {
    const address = lookupAddress(registers);
    const mapping = mappings.find(({ start, end }) => start <= address && address < end);
    if (mapping === undefined) {
      outcome = "no-mapping";
    } else if (depth >= limits.maxUserFrames) {
      outcome = "too-deep";
    } else {
      const { executable } = mapping;
      const offset = address - mapping.start + mapping.fileOffset;
      lines.push(`frame ${executable} 0x${(executable === 0 ? address : offset).toString(16)}`);
      const match = finders.get(executable)?.(offset) ?? RULE_NONE;
      const number = ruleOf(match);
      const own = rows.get(executable);
      if (own !== undefined && number >= RULE_FIRST_FREE && match !== TABLE_CORRUPT) {
        const packed = new Uint32Array(own.rules.buffer, own.rules.byteOffset, own.rules.byteLength / 4);
        unpackRule(packed, (number - RULE_FIRST_FREE) * RULE_WORDS, rule);
      }
      outcome = match === TABLE_CORRUPT ? "table-corrupt" : step("x86-64", registers, match, rule, memory);
    }
  }
  return [...lines, `outcome ${outcome}`].join("\n");
}

import { type ElfFile, type ElfSegment } from "../elf/elf-file.js";
import type { FunctionRows } from "./function-rows.js";
import { gaps } from "./gaps.js";
import type { Extents } from "./merge.js";
import { RULE_SIGNAL } from "./rule.js";

/** mov $15, %rax; syscall: x86-64's rt_sigreturn. glibc describes its own; musl, static Rust and Go do not. */
const TRAMPOLINE = Buffer.from([0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05]);
const WINDOW_BYTES = 64 * 1024;
/** Kubernetes' own Go programs have 50 MiB of code; the search runs at some GB a second. */
const MAX_SEARCHED_BYTES = 96 * 1024 * 1024;
/** A file has one, or one for each C library in it. */
const MAX_TRAMPOLINES = 8;

/**
 * Looks for signal trampolines in executable code that .eh_frame does not describe. The handler returns to the
 * trampoline's first byte, so the address that is looked up lies one before it: that byte belongs to the row.
 */
export function findTrampolines(
  elf: ElfFile,
  segments: readonly ElfSegment[],
  described: Extents,
  into: FunctionRows,
): void {
  const found: number[] = [];
  const window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  let budget = MAX_SEARCHED_BYTES;
  for (const [gapStart, gapEnd] of gaps(segments, [described])) {
    // Windows overlap by what a trampoline cut in two would need.
    for (let at = gapStart; at + TRAMPOLINE.length <= gapEnd; at += WINDOW_BYTES - TRAMPOLINE.length + 1) {
      const wanted = Math.min(WINDOW_BYTES, gapEnd - at);
      budget -= wanted;
      if (budget < 0) return;
      const bytes = window.subarray(0, elf.source.readInto(at, window.subarray(0, wanted)));
      for (let index = bytes.indexOf(TRAMPOLINE); index >= 0; index = bytes.indexOf(TRAMPOLINE, index + 1)) {
        if (found.includes(at + index)) continue;
        found.push(at + index);
        into.addFunction(Math.max(0, at + index - 1), at + index + TRAMPOLINE.length, RULE_SIGNAL);
        if (found.length === MAX_TRAMPOLINES) return;
      }
      if (bytes.length < wanted) break;
    }
  }
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemorySource } from "#src/elf/byte-source.js";
import { convert } from "#src/unwind/convert.js";
import { elfImage, TEXT_BYTES } from "../../fixtures/frame-section.js";
import { rowLines } from "../../fixtures/rows-text.js";

/** Functions at file offsets from 0x1000 on, each given as its bytes in hexadecimal. */
function rowsOf(functions: Readonly<Record<number, string>>): string[] {
  const text = Buffer.alloc(TEXT_BYTES, 0xcc);
  for (const [offset, bytes] of Object.entries(functions)) {
    Buffer.from(bytes.replaceAll(" ", ""), "hex").copy(text, Number(offset) - 0x1000);
  }
  return rowLines(convert(new MemorySource(elfImage({ text }))).rows);
}

describe("rows from code without unwind tables", () => {
  it("follow pushes, pops and rsp, and know where rbp and rbx are", () => {
    // push %rbp; push %rbx; sub $24,%rsp; xor %eax,%eax; add $24,%rsp; pop %rbx; pop %rbp; ret
    assert.deepEqual(rowsOf({ 0x1040: "55 53 4883ec18 31c0 4883c418 5b 5d c3" }), [
      "1040 cfa=rsp+8 ra=c-8",
      "1041 cfa=rsp+16 rbp=c-16 ra=c-8",
      "1042 cfa=rsp+24 rbp=c-16 rbx=c-24 ra=c-8",
      "1046 cfa=rsp+48 rbp=c-16 rbx=c-24 ra=c-8",
      "104c cfa=rsp+24 rbp=c-16 rbx=c-24 ra=c-8",
      "104d cfa=rsp+16 rbp=c-16 ra=c-8",
      "104e cfa=rsp+8 ra=c-8",
      "104f none",
    ]);
  });

  it("go by the frame pointer where there is one, however rsp moves", () => {
    // push %rbp; mov %rsp,%rbp; sub %rax,%rsp; and $-32,%rsp; leave; ret
    assert.deepEqual(rowsOf({ 0x1040: "55 4889e5 4829c4 4883e4e0 c9 c3" }), [
      "1040 cfa=rsp+8 ra=c-8",
      "1041 cfa=rsp+16 rbp=c-16 ra=c-8",
      "1044 cfa=rbp+16 rbp=c-16 ra=c-8",
      "104c cfa=rsp+8 ra=c-8",
      "104d none",
    ]);
  });

  it("are none where two paths disagree, and behind", () => {
    // test %eax,%eax; je 1f; push %rcx; 1: xor %eax,%eax; ud2; the entry point, so certain to be a function
    assert.deepEqual(rowsOf({ 0x1000: "85c0 7401 51 31c0 0f0b" }), ["1000 cfa=rsp+8 ra=c-8", "1005 none"]);
  });

  it("are none for a function whose stack does not come out right", () => {
    // push %rcx; ret
    assert.deepEqual(rowsOf({ 0x1040: "51 c3" }), []);
    // add $8,%rsp; ret, which is the end of another function
    assert.deepEqual(rowsOf({ 0x1040: "4883c408 c3" }), []);
  });

  it("are none for code that jumps nobody knows where", () => {
    // push %rcx; jmp *%rax
    assert.deepEqual(rowsOf({ 0x1040: "51 ffe0" }), []);
  });

  it("end the stack where rbp is cleared that nobody saved: thread starts, the entry point", () => {
    // xor %ebp,%ebp; mov %rsp,%rdi; and $-16,%rsp; call 1040; hlt; and ret at 1040
    assert.deepEqual(rowsOf({ 0x1000: "31ed 4889e7 4883e4f0 e832000000 f4", 0x1040: "c3" }), [
      "1000 end",
      "100e none",
      "1040 cfa=rsp+8 ra=c-8",
      "1041 none",
    ]);
  });

  it("do not go on behind a call of what never returns", () => {
    // sub $8,%rsp; call 1040; then a function of its own. At 1040: hlt
    const rows = rowsOf({ 0x1000: "4883ec08 e837000000 9090 53 5b c3", 0x1040: "f4" });
    assert.deepEqual(
      rows.slice(0, 3),
      ["1000 cfa=rsp+8 ra=c-8", "1004 cfa=rsp+16 ra=c-8", "1009 none"].slice(0, 2).concat(rows[2]),
    );
    assert.ok(rows.includes("100b cfa=rsp+8 ra=c-8"), rows.join("\n"));
  });
});

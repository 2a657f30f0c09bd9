import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { Instruction } from "#src/unwind/code/instruction.js";
import { compareCode } from "../oracle/compare-code.js";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
const isX86 = process.arch === "x64";
const skip = (path: string): string | false =>
  !isX86 ? "only x86-64 code is read" : existsSync(path) ? false : `${path} is not here`;

/**
 * Least share of instructions with an equal row, and the most that may differ, in percent. In libc what differs is hand-written
 * and described wrongly (two functions of mpn that push without saying so; the error paths of clone). What has no row is
 * mostly behind jumps through tables whose length the code does not say, and, in C++, landing pads, which no code leads to.
 */
const BOUNDS: readonly { readonly path: string; readonly equal: number; readonly wrong: number }[] = [
  { path: "/bin/bash", equal: 94, wrong: 0.01 },
  { path: `${LIBRARIES}/libc.so.6`, equal: 91, wrong: 0.05 },
  { path: `${LIBRARIES}/libcrypto.so.3`, equal: 84, wrong: 0.02 },
  { path: `${LIBRARIES}/libstdc++.so.6`, equal: 83, wrong: 0.02 },
];

describe("rows derived from code, against .eh_frame at each instruction", () => {
  for (const { path, equal, wrong } of BOUNDS) {
    it(path, { skip: skip(path) }, async (context) => {
      const compared = await compareCode(path);
      const share = (count: number): number => (100 * count) / compared.instructions;
      const text = `${compared.instructions} instructions: ${share(compared.equal).toFixed(2)} % equal, ${share(
        compared.none,
      ).toFixed(2)} % without a row, ${share(compared.wrong).toFixed(4)} % different`;
      context.diagnostic(text);
      assert.ok(share(compared.equal) >= equal, text);
      assert.ok(share(compared.wrong) <= wrong, [text, ...compared.differences.slice(0, 20)].join("\n"));
    });
  }
});

describe("lengths of instructions, against objdump", () => {
  // libcrypto has constants between its functions, which objdump decodes as well.
  for (const path of ["/bin/bash", `${LIBRARIES}/libc.so.6`, `${LIBRARIES}/libstdc++.so.6`]) {
    it(path, { skip: skip(path) }, async (context) => {
      const { total, different } = await compareLengths(path);
      context.diagnostic(`${total} instructions`);
      assert.ok(total > 50_000);
      assert.deepEqual(different, []);
    });
  }
});

async function compareLengths(path: string): Promise<{ total: number; different: string[] }> {
  const child = spawn("objdump", ["-dw", path], { stdio: ["ignore", "pipe", "ignore"] });
  const instruction = new Instruction();
  const different: string[] = [];
  let total = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [, address, hex, text = ""] = /^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(?:\t(.*))?$/.exec(line) ?? [];
    // objdump joins fwait with what follows it.
    if (hex === undefined || text.includes("(bad)") || (hex.startsWith("9b ") && hex.length > 3)) continue;
    total++;
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    const isEqual = instruction.decode(bytes, 0, bytes.length) && instruction.length === bytes.length;
    if (!isEqual && different.length < 20) different.push(`${address} ${hex}${text}`);
  }
  return { total, different };
}

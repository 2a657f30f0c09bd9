import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import { FileSource } from "#src/elf/byte-source.js";
import { convert, convertInSteps } from "#src/unwind/convert.js";
import { takeStepsPausing } from "#src/util/steps.js";

describe("a conversion in steps", () => {
  it("lets others have their turn a hundred times in a file of Node.js's size, and comes to the same", async () => {
    const fd = openSync(process.execPath, "r");
    try {
      const source = new FileSource(fd, fstatSync(fd).size);
      let pauses = 0;
      const inSteps = await takeStepsPausing(convertInSteps(source), async () => {
        pauses++;
        await Promise.resolve();
      });
      assert.ok(pauses > 100, String(pauses));
      assert.deepEqual(inSteps, convert(source));
    } finally {
      closeSync(fd);
    }
  });
});

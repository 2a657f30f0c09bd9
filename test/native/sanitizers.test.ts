import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { needsRoot } from "./fixture.js";

// The run that this test starts comes by here too.
const inside = process.env["HOSTFLAME_TEST_NATIVE"] !== undefined;

test(
  "the tests of the addon pass under AddressSanitizer and UBSan",
  { skip: inside ? "is inside" : needsRoot.skip },
  () => {
    // Else the inner runner takes itself for a part of this one.
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const result = spawnSync("native/test/sanitize.sh", { encoding: "utf8", env: environment, maxBuffer: 2 ** 26 });
    assert.equal(result.status, 0, `${result.stdout.slice(-8000)}\n${result.stderr.slice(-8000)}`);
  },
);

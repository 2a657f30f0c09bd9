import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";

it("abi.generated.ts is what bpf/abi.h and bpf/stats.h say", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/generate-abi.mjs", "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

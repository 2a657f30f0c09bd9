import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { abiFingerprint, counters } from "#src/native/abi.generated.js";
import { isNativeError, loadNative } from "#src/native/load.js";

test("the addon and the TypeScript are of one ABI", () => {
  const { addon, objectPath } = loadNative();
  assert.equal(addon.abiFingerprint, abiFingerprint);
  assert.match(objectPath, /\/build\/native\/hostflame\.bpf\.o$/);
  assert.ok(addon.possibleCpus() >= 1);
});

test("what is not built is said in one sentence", (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), "hostflame-load-"));
  t.after(() => rmSync(directory, { recursive: true }));
  assert.throws(() => loadNative(directory), { message: 'The native addon is not built: run "npm run build".' });
  writeFileSync(path.join(directory, "hostflame.node"), "");
  assert.throws(() => loadNative(directory), { message: 'The BPF object is not built: run "npm run build".' });
});

test("errors of others are not the addon's", () => {
  assert.equal(isNativeError(new Error("NativeError")), false);
  assert.equal(isNativeError({ name: "NativeError", code: "EPERM", operation: "" }), false);
});

test("the generated file is what the headers generate", () => {
  execFileSync(process.execPath, ["scripts/generate-abi.mjs", "--check"], { stdio: "inherit" });
  assert.equal(new Set(counters.map((counter) => counter.name)).size, counters.length);
});

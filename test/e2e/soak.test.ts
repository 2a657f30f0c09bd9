import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";
import { cannotRecord } from "../support/record.js";

/** The short form of bench/soak.mjs: enough for what leaks with every window to show, too short for the last few percent. */
const WINDOWS = 60;
/** Megabytes that a leak of every window's columns, names or descriptors would be far above. */
const GROWTH_LIMIT = { rssMiB: 12, heapMiB: 8, descriptors: 60, mapsMiB: 3 };

interface Report {
  readonly samples: number;
  readonly met: number;
  readonly idle: number;
  readonly displaced: number;
  readonly growth: Readonly<Record<string, { readonly early: number; readonly late: number }>>;
}

it("sixty windows under processes and files that come and go take no more than the first ones", (context) => {
  const reason = cannotRecord();
  if (reason !== undefined) {
    context.skip(reason);
    return;
  }
  const args = ["--expose-gc", "bench/soak.mjs", "--windows", String(WINDOWS), "--json"];
  const report = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Report;
  context.diagnostic(JSON.stringify(report));
  assert.ok(report.samples > 1000 && report.met > 100);
  assert.ok(report.idle + report.displaced > 50, "executables were let go");
  for (const [what, limit] of Object.entries(GROWTH_LIMIT)) {
    const { early, late } = report.growth[what];
    assert.ok(late - early <= limit, `${what} ${early.toFixed(1)} → ${late.toFixed(1)}`);
  }
});

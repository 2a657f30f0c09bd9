import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { medianOf } from "../support/median.js";
import { cannotRecord } from "../support/record.js";
import type { Held, SoakAccount } from "../support/soaking-chain.js";

/**
 * Windows that go the whole way, one after another. In full, a week of minutes: SOAK_WINDOWS=10000 npm test -- e2e/soak, some ten minutes
 * on an idle machine.
 */
const WINDOWS = Number(process.env["SOAK_WINDOWS"] ?? 120);
/** Of the windows this part is left to caches, code and heaps to reach their size. */
const WARM_UP_SHARE = 0.4;
/** In so many windows that nothing but a leak still grows; before, caches fill. */
const ENOUGH = 5000;
const FLAT = 0.05;
/** Of a short run. */
const NOT_MUCH = 0.35;
const PROGRAM = path.resolve("build/test/support/soaking-chain.js");

describe(`${WINDOWS} windows`, { skip: cannotRecord() ?? false }, () => {
  it("are named, split, written and sent, through outages, without the process growing", async (context) => {
    const { held, account } = await soak();
    assert.equal(account.files, account.profiles);
    assert.deepEqual([account.queued, account.accepted, account.dropped], [account.profiles, account.profiles, []]);
    assert.ok(account.retries.length > 0, "there was an outage");
    assert.ok(account.workers > 0, "the worker was let go, and was back");
    const growth = {
      rss: growthOf(held, ({ rss }) => rss),
      heap: growthOf(held, ({ heap }) => heap),
      descriptors: growthOf(held, ({ descriptors }) => descriptors),
      maps: growthOf(held, ({ maps }) => maps),
    };
    context.diagnostic(JSON.stringify({ ...account, growth }));
    const limit = WINDOWS >= ENOUGH ? FLAT : NOT_MUCH;
    for (const [what, { share }] of Object.entries(growth)) {
      assert.ok(share < limit, `${what}: ${JSON.stringify(growth)}`);
    }
  });
});

async function soak(): Promise<{ readonly held: readonly Held[]; readonly account: SoakAccount }> {
  const program = spawn(process.execPath, ["--expose-gc", PROGRAM, String(WINDOWS)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: unknown[] = [];
  createInterface({ input: program.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  const code = await new Promise((resolve) => program.once("close", resolve));
  assert.equal(code, 0);
  const account = lines.pop() as SoakAccount;
  return { held: lines as readonly Held[], account };
}

/** From the tenth after the warm-up to the last: medians, for a worker comes and goes. */
function growthOf(held: readonly Held[], read: (held: Held) => number) {
  const from = Math.floor(held.length * WARM_UP_SHARE);
  const tenth = Math.max(1, Math.floor(held.length / 10));
  const early = medianOf(held.slice(from, from + tenth).map(read));
  const late = medianOf(held.slice(-tenth).map(read));
  return { early, late, share: (late - early) / early };
}

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FIRST_WINDOW_NS, MINUTE_NS } from "../../support/plain-destination.js";
import { ScriptedIntake } from "../../support/scripted-intake.js";
import { until } from "../../support/until.js";

/** How often the program is killed in each test. In full: KILLS=200 npm test -- delivery/kill */
const KILLS = Number(process.env["KILLS"] ?? 12);
/** After its first window, and now and then in the middle of its start. */
const MAX_LIFE_MS = 200;
const PROGRAM = path.resolve("build/test/support/delivering-program.js");

interface Outcome {
  readonly taken: readonly number[];
  readonly arrived: readonly number[];
  readonly duplicates: number;
}

describe(`an agent killed ${KILLS} times`, () => {
  let root = "";
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), "hostflame-kill-"));
  });
  after(() => {
    rmSync(root, { recursive: true });
  });

  /** Kills it at random moments; then lets one more send all. Every file is whole, every upload arrives as it was. */
  async function killOften(name: string, memoryMs: number, before: (intake: ScriptedIntake) => void): Promise<Outcome> {
    const intake = await ScriptedIntake.start();
    const spool = path.join(root, name);
    const log = path.join(root, `${name}.log`);
    const taken = (): number[] =>
      existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1).map(Number) : [];
    let first = -1;
    for (let kill = 0; kill < KILLS; kill++) {
      before(intake);
      // No window anew: the program before may have kept one more than it said, be it its only one.
      first = Math.max(first, taken().at(-1) ?? -1) + 2;
      const program = spawn(process.execPath, [PROGRAM, intake.address, spool, String(memoryMs), String(first), log], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      try {
        if (kill === 0) {
          // The first failed try: before it, and for no longer than memoryMs, memory is all there is.
          await until(() => taken().length > 3 && filesIn(spool) + intake.accepted.length >= taken().length);
        } else if (kill % 4 !== 0) {
          const earlier = taken().length;
          await until(() => taken().length > earlier);
          await delay(Math.random() * MAX_LIFE_MS);
        } else {
          await delay(Math.random() * 2 * MAX_LIFE_MS);
        }
      } finally {
        await killed(program);
      }
    }
    intake.always = { status: 202 };
    const last = spawn(process.execPath, [PROGRAM, intake.address, spool, String(memoryMs), "none", log]);
    let output = "";
    last.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    await new Promise((resolve) => last.once("close", resolve));
    assert.deepEqual({ ...(JSON.parse(output) as object), accepted: 0 }, { accepted: 0, dropped: [], refused: [] });
    assert.deepEqual(readdirSync(spool), []);
    await intake.stop();
    assert.deepEqual(intake.objections, []);

    const minutes = new Map<string, number>();
    for (const { id, startNs, body } of intake.accepted) {
      const minute = Number((startNs - FIRST_WINDOW_NS) / MINUTE_NS);
      assert.ok(
        body.byteLength === 5000 && body.every((byte) => byte === ((minute * 31) & 0xff)),
        `window ${minute} is not what it was`,
      );
      minutes.set(id, minute);
    }
    return { taken: taken(), arrived: [...minutes.values()], duplicates: intake.accepted.length - minutes.size };
  }

  function judge({ taken, arrived, duplicates }: Outcome): void {
    assert.ok(taken.length > KILLS, `${taken.length} windows`);
    const there = new Set(arrived);
    assert.equal(there.size, arrived.length, "a window under two ids");
    assert.deepEqual(
      taken.filter((minute) => !there.has(minute)),
      [],
      "taken and lost",
    );
    assert.deepEqual(
      arrived,
      [...arrived].sort((a, b) => a - b),
      "in order",
    );
    assert.ok(duplicates <= KILLS, `${duplicates} duplicates: no more than one a kill can be`);
  }

  it("while the intake is away loses no window that was taken", async () => {
    judge(
      await killOften("away", 2000, (intake) => {
        intake.always = { status: 503 };
      }),
    );
  });

  it("while the intake comes and goes, with nothing in memory alone, neither", async () => {
    judge(
      await killOften("flapping", 0, (intake) => {
        const answers = [{ status: 503 }, { status: 202 }, { status: 202, afterMs: 20 }, "reset", "hang"] as const;
        intake.always = answers[Math.floor(Math.random() * answers.length)];
      }),
    );
  });
});

function filesIn(spool: string): number {
  return existsSync(spool) ? readdirSync(spool).filter((name) => name.endsWith(".upload")).length : 0;
}

async function killed(program: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => program.once("close", resolve));
  program.kill("SIGKILL");
  await closed;
}

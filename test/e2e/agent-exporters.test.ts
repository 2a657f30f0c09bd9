import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EXIT } from "#src/model/exit-codes.js";
import { RunningAgent } from "../support/agent.js";
import { cannotRecord } from "../support/record.js";
import { StatusIntake } from "../support/status-intake.js";
import { until } from "../support/until.js";

const SECRET = "hunter2hunter2";

/** Busy for a third of the time, so that each window has a profile on a machine that does nothing else. */
const BUSY = "setInterval(() => { const end = Date.now() + 100; while (Date.now() < end); }, 300)";

describe("an agent with several exporters", { skip: cannotRecord() }, () => {
  const [near, away] = [new StatusIntake(), new StatusIntake()];
  const folder = mkdtempSync(join(tmpdir(), "hostflame-exporters-"));
  const spool = join(folder, "spool");
  const workload = spawn(process.execPath, ["-e", BUSY], { stdio: "ignore" });
  before(async () => {
    await once(workload, "spawn");
    const [first, second] = [await near.open(), await away.open()];
    writeFileSync(
      join(folder, "hostflame.yaml"),
      `window: 1s
profiles: host
spool-dir: ${spool}
exporters:
  - url: ${first}
    kind: datadog
  - url: ${second}
    kind: pyroscope
    name: away
    token: ${SECRET}
`,
    );
  });
  after(() => {
    workload.kill();
    near.close();
    away.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("sends each window to each of them, and what one missed when it is back", async () => {
    away.status = 503;
    const agent = new RunningAgent(["--output-dir", "off"], { HOSTFLAME_CONFIG: join(folder, "hostflame.yaml") });
    try {
      await agent.until("sampling");
      assert.deepEqual(
        agent.lines.filter(({ event }) => event === "sending").map(({ intake, kind }) => [intake, kind]),
        [
          ["datadog", "datadog"],
          ["away", "pyroscope"],
        ],
        agent.errors,
      );
      await until(() => near.accepted.length >= 3, 30_000);
      await until(() => existsSync(join(spool, "away")) && readdirSync(join(spool, "away")).length >= 2, 30_000);
      assert.equal(away.accepted.length, 0);
      assert.ok(away.asked.length > 0);
      const { text } = await agent.get("/readyz");
      assert.match(text, /intake away/);
      away.status = 200;
      await until(() => readdirSync(join(spool, "away")).every((name) => name.startsWith(".")), 60_000);
      await agent.stop();
    } finally {
      await agent.dispose();
    }
    const written = agent.lines.filter(({ event, profiles }) => event === "window_written" && profiles !== 0).length;
    assert.equal(near.accepted.length, written);
    assert.equal(away.accepted.length, written);
    assert.ok(away.asked.every(({ headers }) => headers.authorization === `Bearer ${SECRET}`));
    assert.ok(near.asked.every(({ headers }) => headers.authorization === undefined));
    assert.deepEqual(agent.files(), [], "the folder is off");
    assert.ok(!JSON.stringify(agent.lines).includes(SECRET), "no secret is logged");
    assert.ok(JSON.stringify(agent.find("starting")).includes('"token":"***"'));
  });

  it("does not start where anything is wrong, and says all that is", async () => {
    const words = ["--exporter", `http://a:4040 pasword=${SECRET}`, "--exporter", "http://b:4040", "--window", "1"];
    const agent = new RunningAgent(words, { HOSTFLAME_MODE: "some" });
    try {
      assert.equal(await agent.ended(), EXIT.usage);
      assert.deepEqual(agent.lines, []);
      const lines = agent.errors.trim().split("\n");
      assert.equal(lines.length, 3, agent.errors);
      assert.ok(!agent.errors.includes(SECRET));
    } finally {
      await agent.dispose();
    }
  });

  it("logs a variable that there is not, and goes on", async () => {
    const agent = new RunningAgent([], { HOSTFLAME_MODES: "all" });
    try {
      await agent.until("sampling");
      assert.match(String(agent.find("configuration")?.["warning"]), /HOSTFLAME_MODES, .*HOSTFLAME_MODE\?/);
      await agent.stop();
    } finally {
      await agent.dispose();
    }
  });
});

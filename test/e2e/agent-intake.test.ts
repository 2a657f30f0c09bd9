import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EXIT } from "#src/model/exit-codes.js";
import { RunningAgent } from "../support/agent.js";
import { cannotRecord } from "../support/record.js";
import { StatusIntake } from "../support/status-intake.js";
import { until } from "../support/until.js";

describe("an agent with an intake", { skip: cannotRecord() }, () => {
  const intake = new StatusIntake();
  const spool = mkdtempSync(join(tmpdir(), "hostflame-spool-"));
  let url = "";
  before(async () => {
    url = await intake.open();
  });
  after(() => {
    intake.close();
    rmSync(spool, { recursive: true, force: true });
  });

  it("sends each window's profiles, keeps them through an outage and a restart, and each arrives once", async () => {
    const environment = { OTEL_PROFILING_AGENT_COLLECTION_AGENT: url };
    const options = ["--window", "1s", "--profiles", "host", "--spool-dir", spool];
    const agent = new RunningAgent(options, environment);
    let written = 0;
    try {
      await agent.until("sampling");
      await until(() => intake.accepted.length >= 2, 20_000);
      assert.equal(intake.accepted[0].url, "/profiling/v1/input");
      assert.match(intake.accepted[0].body, /"family":"ebpf"/);

      intake.status = 503;
      await until(() => existsSync(join(spool, "datadog")) && readdirSync(join(spool, "datadog")).length >= 2, 30_000);
      const { text } = await agent.get("/readyz");
      assert.match(text, /has taken nothing/);
      await agent.stop();
      written = agent.lines.filter(({ event, profiles }) => event === "window_written" && profiles !== 0).length;
    } finally {
      await agent.dispose();
    }

    intake.status = 200;
    const next = new RunningAgent(options, environment);
    try {
      await next.until("sampling");
      await until(() => readdirSync(join(spool, "datadog")).every((name) => name.startsWith(".")), 30_000);
      await next.stop();
      const both =
        written + next.lines.filter(({ event, profiles }) => event === "window_written" && profiles !== 0).length;
      assert.equal(intake.accepted.length, both);
      const starts = intake.accepted.map(({ body }) => /"start":"([^"]+)"/.exec(body)?.[1] ?? "");
      assert.deepEqual(starts, [...starts].sort(), "in the order of their windows");
      assert.equal(new Set(starts).size, both);
    } finally {
      await next.dispose();
    }
  });

  it("names a kind of intake that there is not", async () => {
    const agent = new RunningAgent(["--intake", "nobody"], { HOSTFLAME_COLLECTION_AGENT: url });
    try {
      assert.equal(await agent.ended(), EXIT.usage);
      assert.match(agent.errors, /--intake.*nobody.*datadog, datakit/);
    } finally {
      await agent.dispose();
    }
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SAME_WISH_MS } from "#src/interrupt.js";
import { EXIT } from "#src/model/exit-codes.js";
import { countOf, RunningAgent } from "../support/agent.js";
import { cannotRecord } from "../support/record.js";
import { until } from "../support/until.js";

describe("an agent that ends", { skip: cannotRecord() }, () => {
  for (const event of ["starting", "listening", "sampling"]) {
    it(`in order when it is told to as soon as it says "${event}"`, async () => {
      const agent = new RunningAgent(["--window", "10m"]);
      try {
        await agent.until(event);
        const { code, ms } = await agent.stop();
        assert.equal(code, EXIT.ok, agent.errors);
        assert.ok(ms < 10_000, `${ms} ms`);
        assert.equal(agent.lines.at(-1)?.event, "stopped");
      } finally {
        await agent.dispose();
      }
    });
  }

  it("writes the window that it was in, however long that would have been", async () => {
    const agent = new RunningAgent(["--window", "10m", "--profiles", "host", "--frequency", "499"]);
    try {
      await agent.until("sampling");
      const end = performance.now() + 1500;
      while (performance.now() < end) await sleep(0);
      await agent.stop("SIGINT");
      assert.equal(agent.files().length, 1, String(agent.files()));
      assert.ok(countOf(agent.samples()) > 100);
    } finally {
      await agent.dispose();
    }
  });

  it("at once at the second signal, which is none that came with the first", async () => {
    const script = `
      import { Interrupt } from ${JSON.stringify(new URL("../../../dist/interrupt.js", import.meta.url).href)};
      const interrupt = new Interrupt();
      interrupt.signal.addEventListener("abort", () => console.log("asked"));
      setInterval(() => {}, 1000);
      console.log("ready");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until(() => said.includes("ready"));
    child.kill("SIGTERM");
    await until(() => said.includes("asked"));
    child.kill("SIGTERM");
    await sleep(SAME_WISH_MS + 100);
    assert.equal(child.exitCode, null);
    child.kill("SIGINT");
    await once(child, "close");
    assert.equal(child.exitCode, EXIT.interrupted);
  });

  it("with a sentence when another program has its port", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const agent = new RunningAgent(["--listen", `127.0.0.1:${port}`]);
    assert.equal(await agent.ended(), EXIT.failed);
    assert.match(
      agent.errors,
      new RegExp(
        `^hostflame: Cannot listen on 127.0.0.1:${port} \\(EADDRINUSE\\): another program, perhaps another agent`,
      ),
    );
    await agent.dispose();
    server.close();
  });

  it("not at all when its folder cannot be written: it says so, and recovers", async () => {
    const agent = new RunningAgent(["--window", "1s", "--frequency", "499"]);
    try {
      writeFileSync(agent.profiles, "a file where the folder should be");
      await agent.until("export_failed");
      assert.equal(agent.find("exporter_unusable")?.["reason"], "not-a-folder");
      assert.equal(agent.find("export_failed")?.["reason"], "not-a-folder");
      const { text, status } = await agent.get("/readyz");
      assert.equal(status, 200);
      assert.match(text, /profiles are lost: not-a-folder/);
      const { rmSync } = await import("node:fs");
      rmSync(agent.profiles);
      await agent.until("export_recovered");
      assert.ok(agent.files().length > 0);
      assert.ok((await agent.metric("hostflame_exports_failures_total", 'reason="not-a-folder"')) > 0);
      assert.ok(dirname(agent.profiles) === agent.folder);
    } finally {
      await agent.dispose();
    }
  });
});

describe("an agent that was asked for what cannot be", () => {
  for (const [words, environment, pattern] of [
    [["--window", "11m"], {}, /^hostflame: --window does not accept "11m": it accepts a time .* from 1s to 10m\.\n$/],
    [
      [],
      { HOSTFLAME_MODE: "some" },
      /^hostflame: HOSTFLAME_MODE does not accept "some": it accepts all or opt-in\.\n$/,
    ],
    [[], { NODE_NAME: "a\nb" }, /^hostflame: NODE_NAME does not accept "a\\nb": it accepts a name,/],
    [[], { OTEL_PROFILING_AGENT_TAGS: "pod:x" }, /^hostflame: OTEL_PROFILING_AGENT_TAGS has the tag "pod:x"; "pod" is/],
    [["--kubernetes", "on"], {}, /^hostflame: --kubernetes is on, and there is neither a service account/],
    [["--pod-selector", "a in"], {}, /^hostflame: --pod-selector /],
    [
      [],
      { OTEL_PROFILING_AGENT_COLLECTION_AGENT: "http://me:secret@host:8126" },
      /^hostflame: OTEL_PROFILING_AGENT_COLLECTION_AGENT does not accept "http:\/\/\*\*\*@host:8126": it accepts a URL/,
    ],
  ] as const) {
    it([...words, ...Object.entries(environment).flat()].join(" ").replace("secret", "…"), async () => {
      const agent = new RunningAgent(words, environment);
      assert.equal(await agent.ended(), EXIT.usage, agent.errors);
      assert.match(agent.errors, pattern);
      assert.ok(!agent.errors.includes("secret"));
      assert.deepEqual(agent.lines, []);
      await agent.dispose();
    });
  }
});

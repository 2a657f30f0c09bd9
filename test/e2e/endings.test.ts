import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT } from "#src/model/exit-codes.js";
import { checkValid } from "../support/check-valid.js";
import { cannotRecord, untilSampling } from "../support/record.js";

/** Of CPU, so that there is something to sample. */
const BURNT_MS = 500;

describe("a recording that ends otherwise than by its time", () => {
  const reason = cannotRecord();
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "hostflame-endings-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function record(...args: string[]) {
    const child = spawn(process.execPath, ["dist/main.js", "record", "--duration", "60s", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    return { child, closed: once(child, "close") as Promise<[number | null]>, stderr: () => stderr };
  }

  it("writes what it has at Ctrl-C", async (context) => {
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    const output = path.join(folder, "early.pb.gz");
    const { child, closed, stderr } = record("--output", output, "--json");
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    await untilSampling(child);
    const end = performance.now() + BURNT_MS;
    while (performance.now() < end) await sleep(0);
    child.kill("SIGINT");
    const [code] = await closed;
    assert.equal(code, EXIT.ok, stderr());
    checkValid(readFileSync(output));
    const summary = JSON.parse(stdout) as { durationMs: number; samples: number };
    assert.ok(summary.durationMs < 5000 && summary.samples > 0, stdout.slice(0, 200));
  });

  it("leaves no BPF program, process or file behind when it is killed", async (context) => {
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    const output = path.join(folder, "killed.pb.gz");
    const { child, closed } = record("--output", output);
    await untilSampling(child);
    const maps = readFileSync(`/proc/${child.pid}/maps`, "latin1");
    assert.ok(maps.includes("hostflame.node"), "it was sampling");
    child.kill("SIGKILL");
    await closed;
    assert.ok(!existsSync(output) || statSync(output).size === 0);
    // test/native looks at the programs themselves, by id; here nothing may be pinned.
    assert.ok(!existsSync("/sys/fs/bpf/hostflame"));
  });

  it("ends quietly when nobody reads on", async () => {
    const child = spawn(
      "sh",
      ["-c", '"$0" dist/main.js record --help | head -1 >/dev/null; sleep 0.1', process.execPath],
      {
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await once(child, "close");
    assert.equal(stderr, "");
  });
});

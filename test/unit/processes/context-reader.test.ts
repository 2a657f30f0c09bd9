import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readContext } from "#src/processes/context-reader.js";
import { ProcessTable } from "#src/processes/process-table.js";
import { contextPayload, resourcePayload } from "../../support/context-payload.js";
import { startTimeNs } from "../../support/proc.js";

const SHOP = { service: "shop", env: "prod", version: "1.2" };
const ATTRIBUTES = { "service.name": "shop", "deployment.environment.name": "prod", "service.version": "1.2" };
const folder = mkdtempSync(join(tmpdir(), "hostflame-context-"));
const program = join(folder, "publisher");

before(() => execFileSync("gcc", ["-O1", "-o", program, "test/fixtures/otel-publisher.c"]));
after(() => rmSync(folder, { recursive: true }));

interface Publisher {
  readonly process: ChildProcessWithoutNullStreams;
  readonly pid: number;
  readonly answer: string;
}

async function publish(how: string, payload: Buffer): Promise<Publisher> {
  const child = spawn(program, [how, payload.toString("hex")], { env: {} });
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return { process: child, pid: child.pid!, answer: chunk.toString().trim() };
}

async function end({ process }: Publisher): Promise<void> {
  process.stdin.end();
  if (process.exitCode === null) await once(process, "exit");
}

describe("a program that publishes its OpenTelemetry context", () => {
  for (const how of ["memfd", "private", "anon"]) {
    it(`is read (${how})`, async (context) => {
      const publisher = await publish(how, contextPayload(ATTRIBUTES));
      try {
        if (publisher.answer !== "ready") return context.skip(publisher.answer);
        assert.deepEqual(await readContext("/proc", publisher.pid), SHOP);
      } finally {
        await end(publisher);
      }
    });
  }

  it("is read again when it publishes another", async () => {
    const publisher = await publish("memfd", resourcePayload({ "service.name": "old" }));
    assert.deepEqual(await readContext("/proc", publisher.pid), { service: "old", env: "", version: "" });
    publisher.process.stdin.write(`${contextPayload(ATTRIBUTES).toString("hex")}\n`);
    await once(publisher.process.stdout, "data");
    assert.deepEqual(await readContext("/proc", publisher.pid), SHOP);
    await end(publisher);
    assert.equal(await readContext("/proc", publisher.pid), "gone");
  });

  it("is not followed into a file", async () => {
    const publisher = await publish("file", contextPayload(ATTRIBUTES));
    assert.equal(await readContext("/proc", publisher.pid), "outside");
    await end(publisher);
  });

  it("may publish nonsense", async () => {
    const publisher = await publish("memfd", Buffer.alloc(100, 0xff));
    assert.equal(await readContext("/proc", publisher.pid), "malformed");
    await end(publisher);
  });

  it("is asked a second after its first sight, within the budget, unless its variables name the service", async () => {
    const publisher = await publish("memfd", contextPayload(ATTRIBUTES));
    const named = spawn(program, ["memfd", contextPayload(ATTRIBUTES).toString("hex")], {
      env: { DD_SERVICE: "mine" },
    });
    await once(named.stdout, "data");
    const { pid } = publisher;
    const clock = { ms: 0 };
    const table = new ProcessTable({ nowMs: () => clock.ms, contextsPerMinute: 2 });
    const start = startTimeNs(pid);
    table.sight(pid, start, "context");
    table.sight(named.pid!, startTimeNs(named.pid!), "context");
    await table.catchUp();
    assert.equal(table.find(pid, start)?.context, undefined);
    clock.ms = 1000;
    await table.catchUp();
    assert.deepEqual(table.find(pid, start)?.context, SHOP);
    assert.equal(table.find(named.pid!, startTimeNs(named.pid!))?.context, undefined);
    assert.deepEqual([...table.contextCounts], [["found", 1]]);
    // Its variables are read once more, and the context stays.
    table.sight(pid, start, "context");
    assert.deepEqual(table.find(pid, start)?.context, SHOP);
    clock.ms = 12_000;
    await table.catchUp();
    assert.equal(table.contextCounts.get("found"), 2);
    named.stdin.end();
    await end(publisher);
  });

  it("and one that does not has none", async () => {
    const child = spawn("sleep", ["1000"]);
    assert.equal(await readContext("/proc", child.pid!), "absent");
    child.kill("SIGKILL");
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { openIntake } from "#src/exporters/intakes.js";
import { googlePprof, runGooglePprof } from "../../support/google-pprof.js";
import { CONTAINER_ID, knownBatch } from "../../support/intakes/batches.js";
import { parseForm } from "../../support/intakes/form.js";
import { openTestAgent, type TestAgent } from "../../support/intakes/receivers.js";

interface Stored {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly url: string;
  readonly method: string;
}

describe("Datadog's test agent", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-test-agent-"));
  let agent: TestAgent | undefined;
  let skip = "";
  before(async () => {
    const opened = await openTestAgent(folder, await freePort());
    if ("skip" in opened) skip = opened.skip;
    else agent = opened;
  });
  after(async () => {
    await agent?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const way of ["url", "socketUrl"] as const) {
    it(`gets each profile ${way === "url" ? "over TCP" : "at its Unix socket"}, as it was sent`, async (context) => {
      if (agent === undefined) return context.skip(skip);
      await fetch(`${agent.url}/test/session/clear`);
      const destination = openIntake({ kind: "datadog", url: agent[way], options: {} });
      const sent = [];
      for await (const upload of destination.encode(knownBatch())) {
        sent.push(upload);
        assert.deepEqual(await destination.send(upload, new AbortController().signal), { kind: "accepted" });
      }
      await destination.close();
      const answer = await fetch(`${agent.url}/test/session/requests`);
      const stored = ((await answer.json()) as readonly Stored[]).filter(({ url }) =>
        url.endsWith("/profiling/v1/input"),
      );
      assert.deepEqual([sent.length, stored.length], [knownBatch().profiles.length, knownBatch().profiles.length]);
      for (const [index, { headers, body, method }] of stored.entries()) {
        assert.equal(method, "POST");
        assert.ok(Buffer.from(body, "base64").equals(sent[index].body));
        const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
        const parts = parseForm(lower.get("content-type") ?? "", Buffer.from(body, "base64"));
        assert.equal(lower.get("dd-evp-origin"), "hostflame");
        assert.equal(lower.get("datadog-container-id"), index === 0 ? CONTAINER_ID : undefined);
        checkWithGooglePprof(parts[1].body, index === 2 ? 6 : 1);
      }
    });
  }

  /** The attachment is read by google/pprof itself, where it is installed. */
  function checkWithGooglePprof(pprof: Buffer, leastFunctions: number): void {
    if (googlePprof === undefined) return;
    const file = path.join(folder, "cpu.pprof");
    writeFileSync(file, pprof);
    const top = runGooglePprof("-top", "-sample_index=cpu-time", file);
    assert.match(top, /Type: cpu-time/);
    assert.ok(top.split("\n").filter((line) => line.includes("%")).length > leastFunctions, top);
  }
});

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DELIVERY_DEFAULTS, deliverTo } from "#src/delivery/deliver-to.js";
import { openIntake } from "#src/exporters/intakes.js";
import { jsonLine, terminalLine, type LogLine } from "#src/logging/line.js";
import { createLog } from "#src/logging/log.js";
import type { LogFields } from "#src/model/log.js";
import { knownProfile } from "../../support/known-profile.js";
import { windowOf } from "../../support/plain-destination.js";
import { until } from "../../support/until.js";

const SECRET = "s3cr3t-0123456789abcdef";

function linesOf(fields: LogFields): readonly string[] {
  const line: LogLine = { timeMs: 0, level: "info", event: "starting", fields };
  return [jsonLine(line), terminalLine(line, false)];
}

describe("a log line", () => {
  for (const [what, fields] of [
    ["a field that is called one", { apiKey: SECRET, "api-key": SECRET, token: SECRET, password: SECRET }],
    ["a field within fields", { options: { intakes: [{ kind: "datadog", options: { "api-key": SECRET } }] } }],
    ["a map", { headers: new Map([["authorization", SECRET]]) }],
    ["a URL", { address: `https://user:${SECRET}@intake.example/` }],
    ["a query", { error: `GET https://intake.example/?a=1&api_key=${SECRET} failed` }],
    ["a header that somebody repeats", { detail: `bad header: Authorization: Bearer ${SECRET}` }],
    ["an error", { error: new Error(`DD_API_KEY=${SECRET} is refused`) }],
    ["a long text", { text: `${"x".repeat(980)}//u:${SECRET}@h` }],
  ] as const) {
    it(`shows no secret in ${what}`, () => {
      for (const line of linesOf(fields)) assert.ok(!line.includes(SECRET), line);
    });
  }

  it("shows what is none", () => {
    const fields = {
      passwordFile: "/etc/key",
      address: "http://10.0.0.1:8126",
      tokens: "",
      count: 3,
      reason: "http-403",
    };
    assert.equal(
      jsonLine({ timeMs: 0, level: "info", event: "sending", fields }),
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"sending","passwordFile":"/etc/key",' +
        '"address":"http://10.0.0.1:8126","tokens":"","count":3,"reason":"http-403"}\n',
    );
  });

  it("is of its own event, whatever fields are called", () => {
    const line = jsonLine({ timeMs: 0, level: "warn", event: "a", fields: { event: "b", level: "x", time: 1 } });
    assert.equal(line, '{"time":"1970-01-01T00:00:00.000Z","level":"warn","event":"a"}\n');
  });

  it("is masked in time, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.integer({ min: 1, max: 500 }), (text, times) => {
        const start = performance.now();
        for (const piece of [text, "//", "bearer ", "token=", "//a:b"]) linesOf({ text: piece.repeat(times) + text });
        assert.ok(performance.now() - start < 1000);
      }),
      { numRuns: 50 },
    );
  });
});

describe("an intake that repeats what it was sent", () => {
  it("does not bring a secret into the log, nor into what is said over HTTP", async () => {
    const server = createServer((request: IncomingMessage, response) => {
      request.resume().on("end", () => response.writeHead(403).end(`refused: ${JSON.stringify(request.rawHeaders)}`));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const lines: string[] = [];
    const log = createLog({ level: "debug", nowMs: () => 0, write: (line) => lines.push(jsonLine(line)) });
    const destination = openIntake({ kind: "pyroscope", url, options: { token: SECRET } });
    const exporter = deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory: undefined, stopMs: 10 }, { log });
    const [template] = windowOf(1).profiles;
    await exporter.export(
      { ...windowOf(1), profiles: [{ ...template, profile: knownProfile() }] },
      new AbortController().signal,
    );
    await until(() => lines.some((line) => line.includes("upload_refused")));
    assert.ok(lines.join("").includes("refused:"), "it is told what the intake said");
    assert.ok(!lines.join("").includes(SECRET));
    const { lastRefusal, address } = exporter.status;
    assert.ok(!JSON.stringify({ lastRefusal, address, problem: exporter.problem }).includes(SECRET));
    await exporter.close();
    server.closeAllConnections();
    server.close();
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { DebuginfodClient } from "#src/debuginfod/client.js";
import { DownloadFolder } from "#src/debuginfod/download-folder.js";
import { buildIdOf } from "#src/debuginfod/build-id-of.js";
import { Downloads } from "#src/debuginfod/downloads.js";
import { REQUEST_RESULTS } from "#src/debuginfod/failure.js";
import { readServers } from "#src/debuginfod/servers.js";
import { systemClock } from "#src/util/clock.js";
import { elfWithBuildId, numberedBuildId } from "../../support/build-id-file.js";
import { until } from "../../support/until.js";

const ID = numberedBuildId(1);
const FILE = elfWithBuildId(ID, 3000);
const MAX_BYTES = 50_000;
const LIMITS = { fileBytes: MAX_BYTES, connectMs: 5000, answerMs: 150, stallMs: 150, totalMs: 2000 };

const headerName = fc.constantFrom(
  ...["content-length", "content-encoding", "transfer-encoding", "location", "retry-after", "x-debuginfod-size"],
  ...["connection", "content-type", "x-" + "y".repeat(300)],
);
const headerValue = fc.oneof(
  fc.constantFrom(
    "gzip",
    "identity",
    "chunked",
    "close",
    "-1",
    "0",
    "9999999999999999999",
    "3148",
    "br",
    "/",
    "//",
    "file:///x",
  ),
  fc.string({ maxLength: 60 }),
);
const body = fc.oneof(
  fc.constant(FILE),
  fc.constant(gzipSync(FILE)),
  fc.uint8Array({ maxLength: 4000 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 4000 }).map((bytes) => Buffer.concat([FILE.subarray(0, 120), Buffer.from(bytes)])),
  fc.nat({ max: FILE.length }).map((length) => FILE.subarray(0, length)),
);
const answer = fc.oneof(
  fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(
      fc.constantFrom(200, 200, 200, 206, 301, 302, 404, 429, 500, 503, 100, 101, 999),
      fc.array(fc.tuple(headerName, headerValue), { maxLength: 5 }),
      body,
    )
    .map(([status, headers, bytes]) =>
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 ${status} X\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
          "latin1",
        ),
        bytes,
      ]),
    ),
);

describe("whatever a server sends", () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-hostile-server-"));
  let bytes = Buffer.alloc(0);
  let isClosing = true;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", () => {
      socket.write(bytes);
      if (isClosing) socket.end();
    });
  });
  before(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });

  it("has one result that is counted, and nothing is kept but the file that was asked for", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(answer, fc.boolean(), async (its, closes) => {
        for (const name of readdirSync(directory)) rmSync(join(directory, name));
        [bytes, isClosing] = [its, closes];
        const client = new DebuginfodClient(LIMITS);
        const heard: string[] = [];
        const hear = (_: string, detail: string): void => void heard.push(detail);
        const downloads = new Downloads({
          servers: readServers([url]).servers,
          get: (...question) => client.get(...question),
          folder: new DownloadFolder({ directory, maxBytes: MAX_BYTES, serversKey: "ab", clock: systemClock }),
          buildIdOf: (fd) => Promise.resolve(buildIdOf(fd)),
          clock: systemClock,
          random: () => 0.5,
          listener: { arrived: () => undefined, away: hear, refused: hear, notKept: hear },
        });
        downloads.want(ID);
        await until(() => !downloads.isBusy, 10_000);
        await downloads.close();
        client.close();
        const results = [...downloads.results].filter(([, count]) => count > 0);
        assert.equal(results.length, 1, JSON.stringify(results));
        const [[result, count]] = results;
        assert.equal(count, 1);
        assert.ok(REQUEST_RESULTS.includes(result));
        seen.set(result, (seen.get(result) ?? 0) + 1);
        for (const detail of heard) assert.match(detail, /^[\x20-\x7e]*\.$/);
        const kept = readdirSync(directory).filter((name) => !name.endsWith(".none"));
        assert.deepEqual(kept, result === "downloaded" ? [`${ID}.debug`] : []);
        assert.ok(downloads.receivedBytes <= MAX_BYTES + 65_536);
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 120) },
    );
    // The property is of no use where one way of failing hides all others.
    assert.ok(seen.size >= 6, JSON.stringify([...seen]));
  });
});

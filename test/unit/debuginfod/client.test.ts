import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { type Answer, DebuginfodClient } from "#src/debuginfod/client.js";
import { NotKept } from "#src/debuginfod/failure.js";
import { readServers } from "#src/debuginfod/servers.js";
import { openScriptedServer, type Script, type ScriptedServer } from "../../support/debuginfod-server.js";
import { findProgram } from "../../support/runtimes/programs.js";

const ID = "ab".repeat(20);
const FILE = Buffer.concat([Buffer.from("\x7fELF", "latin1"), Buffer.alloc(100_000, 7)]);
const LIMITS = { fileBytes: 200_000, connectMs: 30_000, answerMs: 30_000, stallMs: 30_000, totalMs: 60_000 };
/** Where waiting in vain is what is tested. */
const IMPATIENT = { connectMs: 400, answerMs: 400, stallMs: 400 };

class MemorySink {
  readonly chunks: Buffer[] = [];
  expected = -1;
  expect(bytes: number): Promise<void> {
    this.expected = bytes;
    return Promise.resolve();
  }
  write(chunk: Uint8Array): Promise<void> {
    this.chunks.push(Buffer.from(chunk));
    return Promise.resolve();
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

async function open(script: Script, tls?: { key: string; cert: string }): Promise<ScriptedServer> {
  const server = await openScriptedServer({ script, ...(tls === undefined ? {} : { tls }) });
  opened.push(server);
  return server;
}

async function get(url: string, sink = new MemorySink(), its: Partial<typeof LIMITS> = {}): Promise<Answer> {
  const client = new DebuginfodClient({ ...LIMITS, ...its });
  try {
    return await client.get(readServers([url]).servers[0], ID, sink, new AbortController().signal);
  } finally {
    client.close();
  }
}

/** "away timeout". */
async function wordsOf(answer: Promise<Answer>): Promise<string> {
  const its = await answer;
  if (its.kind === "complete" || its.kind === "missing") return its.kind;
  assert.match(its.detail, /^\S.*\.$/);
  assert.doesNotMatch(its.detail, /hunter22/);
  return `${its.kind} ${its.result}`;
}

describe("asking a server", () => {
  it("brings the file, and says who asks", async () => {
    const server = await open(
      (_, response) => void response.writeHead(200, { "content-length": FILE.length }).end(FILE),
    );
    const sink = new MemorySink();
    assert.equal(await wordsOf(get(`${server.url}/prefix/`, sink)), "complete");
    assert.deepEqual(sink.bytes, FILE);
    assert.equal(sink.expected, FILE.length);
    assert.deepEqual(server.asked, [`/prefix/buildid/${ID}/debuginfo`]);
    assert.match(server.headers[0]["user-agent"] ?? "", /^hostflame\//);
    assert.equal(server.headers[0].authorization, undefined);
  });

  it("brings it in pieces of any size, and inflates it", async () => {
    const server = await open((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      const bytes = gzipSync(FILE);
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    });
    const sink = new MemorySink();
    assert.equal(await wordsOf(get(server.url, sink)), "complete");
    assert.deepEqual(sink.bytes, FILE);
    server.script = (_, response) => {
      response.writeHead(200);
      response.write(FILE.subarray(0, 1));
      setTimeout(() => response.end(FILE.subarray(1)), 20);
    };
    const other = new MemorySink();
    assert.equal(await wordsOf(get(server.url, other)), "complete");
    assert.deepEqual(other.bytes, FILE);
  });

  it("shows user and password to the server, and to nobody it redirects to", async () => {
    const target = await open((_, response) => void response.writeHead(200).end(FILE));
    const server = await open((request, response, before) => {
      if (before === 0) response.writeHead(302, { location: "/moved" }).end();
      else response.writeHead(301, { location: `${target.url}${request.url}/elsewhere` }).end();
    });
    const url = server.url.replace("//", "//user:hunter22@");
    assert.equal(await wordsOf(get(url)), "complete");
    assert.deepEqual(server.asked, [`/buildid/${ID}/debuginfo`, "/moved"]);
    assert.deepEqual(target.asked, ["/moved/elsewhere"]);
    const basic = `Basic ${Buffer.from("user:hunter22").toString("base64")}`;
    assert.deepEqual(
      server.headers.map(({ authorization }) => authorization),
      [basic, basic],
    );
    assert.equal(target.headers[0].authorization, undefined);
  });

  for (const [name, script, expected] of [
    ["404", (_, response) => void response.writeHead(404).end("not here"), "missing"],
    ["410", (_, response) => void response.writeHead(410).end(), "missing"],
    ["a 404 without an end", (_, response) => void response.writeHead(404).write("x"), "missing"],
    ["400", (_, response) => void response.writeHead(400).end(), "refused rejected"],
    ["401", (_, response) => void response.writeHead(401).end(), "away unauthorized"],
    ["204", (_, response) => void response.writeHead(204).end(), "refused rejected"],
    ["206", (_, response) => void response.writeHead(206).end(FILE), "refused rejected"],
    ["500", (_, response) => void response.writeHead(500).end(), "away server-error"],
    ["503", (_, response) => void response.writeHead(503, { "retry-after": "7" }).end(), "away server-error"],
    ["429", (_, response) => void response.writeHead(429).end(), "away throttled"],
    ["silence", () => undefined, "away timeout"],
    [
      "an answer that stands still",
      (_, response) => void response.writeHead(200).write(FILE.subarray(0, 9)),
      "broken timeout",
    ],
    [
      "an answer that is too short",
      (_, response) => {
        response.writeHead(200, { "content-length": 999 });
        response.write(FILE.subarray(0, 99));
        setTimeout(() => response.destroy(), 10);
      },
      "broken reset",
    ],
    ["a reset", (request) => void request.socket.resetAndDestroy(), "away reset"],
    ["what is not HTTP", (request) => void request.socket.end("\0\x01 hello\r\n\r\n"), "away malformed-answer"],
    ["a page", (_, response) => void response.writeHead(200).end("<html>log in</html>"), "refused wrong-file"],
    ["nothing", (_, response) => void response.writeHead(200).end(), "refused wrong-file"],
    ["half a magic number", (_, response) => void response.writeHead(200).end("\x7fE"), "refused wrong-file"],
    [
      "a length that is too large",
      (_, response) => void response.writeHead(200, { "content-length": 200_001 }).write("\x7f"),
      "refused too-large",
    ],
    [
      "a size that is too large",
      (_, response) => void response.writeHead(200, { "x-debuginfod-size": "99999999999" }).write("\x7f"),
      "refused too-large",
    ],
    [
      "bytes without an end",
      (_, response) => {
        response.writeHead(200);
        response.write(FILE);
        const more = (): void => {
          while (!response.destroyed && response.write(FILE));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
      },
      "refused too-large",
    ],
    [
      "a gzip bomb",
      (_, response) =>
        void response
          .writeHead(200, { "content-encoding": "gzip" })
          .end(gzipSync(Buffer.concat([FILE, Buffer.alloc(50_000_000)]))),
      "refused too-large",
    ],
    [
      "gzip that is none",
      (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(FILE),
      "refused encoding",
    ],
    [
      "gzip that is cut",
      (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(FILE).subarray(0, 50)),
      "refused encoding",
    ],
    [
      "another encoding",
      (_, response) => void response.writeHead(200, { "content-encoding": "zstd" }).end(FILE),
      "refused encoding",
    ],
    [
      "redirects without an end",
      (_, response, before) => void response.writeHead(302, { location: `/${before}` }).end(),
      "refused redirected",
    ],
    ["a redirect to nowhere", (_, response) => void response.writeHead(302).end(), "refused redirected"],
    [
      "a redirect to a file",
      (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end(),
      "refused redirected",
    ],
    [
      "a redirect with a password",
      (_, response) => void response.writeHead(302, { location: "http://a:b@127.0.0.1/" }).end(),
      "refused redirected",
    ],
    [
      "headers without an end",
      (_, response) => void response.writeHead(200, { "x-filler": "x".repeat(20_000) }).end(FILE),
      "away malformed-answer",
    ],
  ] satisfies [string, Script, string][]) {
    it(`takes ${name} for what it is`, async () => {
      const server = await open(script);
      const limits = /timeout|missing/.test(expected) ? IMPATIENT : {};
      assert.equal(
        await wordsOf(get(server.url.replace("//", "//user:hunter22@"), new MemorySink(), limits)),
        expected,
      );
      assert.ok(server.asked.length <= 4, String(server.asked));
    });
  }

  it("hears how long a server wants to be left alone", async () => {
    const server = await open((_, response) => void response.writeHead(503, { "retry-after": "7" }).end());
    const answer = await get(server.url);
    assert.equal(answer.kind === "away" && answer.afterMs, 7000);
  });

  it("keeps the connection over files that are not there, and replaces one that was closed", async () => {
    const sockets = new Set<unknown>();
    const server = await open((request, response) => {
      sockets.add(request.socket);
      response.writeHead(404).end("not here");
    });
    const client = new DebuginfodClient(LIMITS);
    const [its] = readServers([server.url]).servers;
    const { signal } = new AbortController();
    for (let at = 0; at < 5; at++) assert.equal((await client.get(its, ID, new MemorySink(), signal)).kind, "missing");
    assert.equal(sockets.size, 1);
    server.script = (request, response, before) => {
      if (before === 5) request.socket.resetAndDestroy();
      else response.writeHead(404).end();
    };
    assert.equal((await client.get(its, ID, new MemorySink(), signal)).kind, "missing");
    client.close();
  });

  it("ends with the signal, whatever is under way", async () => {
    for (const script of [
      () => undefined,
      (_, response) => void response.writeHead(200).write(FILE),
    ] satisfies Script[]) {
      const server = await open(script);
      const client = new DebuginfodClient({ ...LIMITS, answerMs: 60_000, stallMs: 60_000, totalMs: 60_000 });
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 100);
      const start = performance.now();
      await assert.rejects(client.get(readServers([server.url]).servers[0], ID, new MemorySink(), stop.signal), {
        name: "AbortError",
      });
      assert.ok(performance.now() - start < 5000);
      client.close();
    }
  });

  it("is over when its time is, however busy the server is", async () => {
    const server = await open((_, response) => {
      response.writeHead(200);
      response.write(FILE.subarray(0, 9));
      const timer = setInterval(() => response.write("x"), 50);
      response.on("close", () => clearInterval(timer));
    });
    assert.equal(await wordsOf(get(server.url, new MemorySink(), { totalMs: 700 })), "broken timeout");
  });

  it("says when the sink takes nothing", async () => {
    const server = await open((_, response) => void response.writeHead(200).end(FILE));
    const sink = new MemorySink();
    sink.write = () => Promise.reject(new NotKept("disk-full", "It is full."));
    await assert.rejects(get(server.url, sink), NotKept);
  });

  it("finds nobody, and says so", async () => {
    const server = await open(() => undefined);
    await server.close();
    assert.equal(await wordsOf(get(server.url)), "away unreachable");
    assert.match(await wordsOf(get("http://debuginfod.invalid")), /^away (dns|timeout)$/);
  });
});

describe("asking over TLS", { skip: findProgram("openssl") === undefined ? "needs openssl" : false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hostflame-tls-"));
  after(() => rmSync(folder, { recursive: true }));

  it("trusts no certificate that nobody vouches for, and speaks to nobody without", async () => {
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"];
    assert.equal(spawnSync("openssl", [...words, "-keyout", key, "-out", cert]).status, 0);
    const script: Script = (_, response) => void response.writeHead(200).end(FILE);
    const server = await open(script, { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") });
    assert.equal(await wordsOf(get(server.url)), "away tls");
    assert.deepEqual(server.asked, []);
    const redirecting = await open((_, response) => void response.writeHead(302, { location: server.url }).end());
    assert.equal(await wordsOf(get(redirecting.url)), "away tls");
    const plain = await open(script);
    assert.equal(await wordsOf(get(plain.url.replace("http:", "https:"))), "away tls");
    assert.deepEqual(plain.asked, []);
  });

  it("does not wait for a server that never says hello", async () => {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => void sockets.add(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const answer = await get(`https://127.0.0.1:${port}`, new MemorySink(), IMPATIENT);
    assert.ok(answer.kind === "away" && answer.result === "timeout");
    assert.match(answer.detail, /no connection/);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

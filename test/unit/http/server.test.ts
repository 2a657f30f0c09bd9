import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openHttpServer, type HttpServer } from "#src/http/server.js";
import { until } from "../../support/until.js";

describe("the HTTP server", () => {
  let server: HttpServer;
  const failures: string[] = [];
  before(async () => {
    server = await openHttpServer({
      listen: { host: "127.0.0.1", port: 0 },
      routes: {
        "/metrics": () => ({ status: 200, contentType: "text/plain; version=0.0.4", body: "a 1\n" }),
        "/broken": () => Promise.reject(new Error("secret path /etc/x")),
      },
      onFailure: (path, error) => failures.push(`${path}: ${String(error)}`),
    });
  });
  after(() => server.close());

  async function ask(method: string, path: string, body = "") {
    const [host, port] = server.address.split(":");
    const sent = request({ host, port, method, path, headers: body === "" ? {} : { "content-length": body.length } });
    sent.end(body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    response.setEncoding("utf8");
    for await (const part of response) text += String(part);
    return { status: response.statusCode, text, headers: response.headers };
  }

  it("answers GET, with or without a query, and HEAD without a body", async () => {
    const { status, text, headers } = await ask("GET", "/metrics?a=b");
    assert.deepEqual([status, text, headers["content-type"]], [200, "a 1\n", "text/plain; version=0.0.4"]);
    const head = await ask("HEAD", "/metrics");
    assert.deepEqual([head.status, head.text, head.headers["content-length"]], [200, "", "4"]);
  });

  for (const path of [
    "/",
    "/metrics/",
    "/Metrics",
    "/metrics/../metrics",
    "/__proto__",
    "/toString",
    "/%2e%2e/metrics",
  ]) {
    it(`knows no ${path}`, async () => assert.equal((await ask("GET", path)).status, 404));
  }

  it("takes nothing: other methods are 405", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"]) {
      const { status, headers } = await ask(method, "/metrics", method === "POST" ? "x".repeat(100_000) : "");
      assert.deepEqual([method, status, headers.allow], [method, 405, "GET, HEAD"]);
    }
  });

  it("does not tell a stranger why a route failed", async () => {
    const { status, text } = await ask("GET", "/broken");
    assert.equal(status, 500);
    assert.ok(!text.includes("secret"));
    assert.deepEqual(failures, ["/broken: Error: secret path /etc/x"]);
  });

  for (const [name, bytes] of [
    ["headers without end", `GET /metrics HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(100_000)}`],
    ["a path without end", `GET /${"y".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
    ["no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["nothing but zeros", "\0".repeat(1000)],
  ] as const) {
    it(`refuses ${name}, and goes on`, async () => {
      const [host, port] = server.address.split(":");
      const socket = connect(Number(port), host);
      socket.on("error", () => undefined);
      socket.write(Buffer.from(bytes, "latin1"));
      let text = "";
      socket.setEncoding("latin1").on("data", (part: string) => (text += part));
      await once(socket, "close");
      assert.match(text, /^(HTTP\/1\.1 4\d\d .*|)/);
      assert.equal((await ask("GET", "/metrics")).status, 200);
    });
  }

  it("listens once to an address", async () => {
    const port = Number(server.address.split(":")[1]);
    const again = openHttpServer({ listen: { host: "127.0.0.1", port }, routes: {}, onFailure: () => undefined });
    await assert.rejects(again, { code: "EADDRINUSE", syscall: "listen" });
  });

  it("closes while a connection is held open", async () => {
    const other = await openHttpServer({ listen: { host: "::1", port: 0 }, routes: {}, onFailure: () => undefined });
    assert.match(other.address, /^\[::1\]:\d+$/);
    const socket = connect(Number(other.address.split("]:")[1]), "::1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    await other.close();
    await once(socket, "close");
  });
});

describe("the server of long answers", () => {
  const answered: string[] = [];
  let gone = 0;
  let server: HttpServer;
  let go: () => void = () => undefined;
  before(async () => {
    server = await openHttpServer({
      listen: { host: "127.0.0.1", port: 0 },
      methods: ["GET"],
      maxConnections: 3,
      gate: ({ headers }) =>
        headers.authorization === "no" ? { status: 401, contentType: "text/plain", body: "no\n" } : undefined,
      routes: {
        "/slow": async ({ signal }) => {
          await new Promise<void>((resolve) => {
            go = resolve;
            signal.addEventListener("abort", () => {
              gone++;
              resolve();
            });
          });
          return { status: 200, contentType: "text/plain", body: "at last\n" };
        },
        "/things/": ({ path, query }) => ({
          status: 200,
          contentType: "application/octet-stream",
          body: new TextEncoder().encode(`${path}|${query}\0`),
          headers: { "x-own": ["1", "2"], "content-security-policy": "default-src 'self'" },
        }),
        "/things/one": () => ({ status: 200, contentType: "text/plain", body: "one\n" }),
      },
      onFailure: () => undefined,
      onAnswer: (route, status) => answered.push(`${route} ${status}`),
    });
  });
  after(() => server.close());

  const get = (path: string, init: RequestInit = {}) => fetch(`http://${server.address}${path}`, init);

  it("answers below a folder, the nearest that there is", async () => {
    for (const [path, body] of [
      ["/things/", "/things/|\0"],
      ["/things/a/b?c=d?e", "/things/a/b|c=d?e\0"],
      ["/things/one", "one\n"],
      ["/things/one/", "/things/one/|\0"],
    ]) {
      assert.equal(await (await get(path)).text(), body);
    }
    assert.equal((await get("/things")).status, 404);
  });

  it("says to browsers what they may do with an answer, which may say otherwise", async () => {
    const { headers } = await get("/things/one");
    assert.deepEqual(
      ["cache-control", "content-security-policy", "cross-origin-resource-policy", "referrer-policy"].map((name) =>
        headers.get(name),
      ),
      ["no-store", "default-src 'none'; frame-ancestors 'none'", "same-origin", "no-referrer"],
    );
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("access-control-allow-origin"), null);
    const own = (await get("/things/")).headers;
    assert.deepEqual([own.get("content-security-policy"), own.get("x-own")], ["default-src 'self'", "1, 2"]);
  });

  it("asks the gate first, of whatever path and method", async () => {
    for (const path of ["/slow", "/things/", "/none"]) {
      assert.equal((await get(path, { method: "DELETE", headers: { authorization: "no" } })).status, 401);
    }
  });

  it("answers only to the methods it was told", async () => {
    const answer = await get("/slow", { method: "HEAD" });
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET"]);
  });

  it("tells a route that nobody waits any more", async () => {
    const asking = new AbortController();
    const asked = get("/slow", { signal: asking.signal });
    setTimeout(() => asking.abort(), 100);
    await assert.rejects(asked);
    await until(() => gone === 1);
    await until(() => answered.at(-1) === "/slow 499");
  });

  it("tells which route answered, and how", async () => {
    answered.length = 0;
    const asked = get("/slow");
    await sleep(100);
    go();
    assert.equal(await (await asked).text(), "at last\n");
    await (await get("/things/x")).arrayBuffer();
    await get("/none");
    assert.deepEqual(answered, ["/slow 200", "/things/ 200", " 404"]);
  });
});

import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createAccess } from "#src/http/access.js";

const TOKEN = "0123456789abcdef0123456789abcdef";

function ask(headers: IncomingHttpHeaders, token?: string) {
  const access = createAccess({
    token: token === undefined ? undefined : () => Promise.resolve(token),
    names: ["node-7", "Ip-10-0-0-1.ec2.internal"],
  });
  const signal = new AbortController().signal;
  return access({ path: "/profiles", query: "", headers: { host: "127.0.0.1:9178", ...headers }, signal });
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

describe("who may ask, with a token", () => {
  for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, basic("x", TOKEN), basic("", TOKEN)]) {
    it(`is whoever says ${authorization.slice(0, 12)}…`, async () => {
      assert.equal(await ask({ authorization }, TOKEN), undefined);
    });
  }

  for (const [name, authorization] of [
    ["nothing", undefined],
    ["an empty bearer", "Bearer "],
    ["the token alone", TOKEN],
    ["another token", `Bearer ${TOKEN.replace("0", "1")}`],
    ["the token's start", `Bearer ${TOKEN.slice(0, -1)}`],
    ["more than the token", `Bearer ${TOKEN}0`],
    ["two tokens", `Bearer ${TOKEN} ${TOKEN}`],
    ["the token as the user", basic(TOKEN, "")],
    ["no pair", `Basic ${Buffer.from(TOKEN).toString("base64")}`],
    ["another scheme", `Digest ${TOKEN}`],
  ] as const) {
    it(`is not who says ${name}`, async () => {
      const answer = await ask(authorization === undefined ? {} : { authorization }, TOKEN);
      assert.equal(answer?.status, 401);
      assert.match(String(answer.headers?.["www-authenticate"]), /Bearer realm="hostflame".*Basic realm=/);
      assert.ok(!String(answer.body).includes(TOKEN));
    });
  }

  it("is nobody where the token is empty", async () => {
    assert.equal((await ask({ authorization: "Bearer " }, ""))?.status, 401);
    assert.equal((await ask({}, ""))?.status, 401);
    assert.equal((await ask({ authorization: basic("x", "") }, ""))?.status, 401);
  });

  it("may call the server by any name, for a page of another does not know the token", async () => {
    const authorization = `Bearer ${TOKEN}`;
    assert.equal(await ask({ host: "hostflame.monitoring.svc:9178", authorization }, TOKEN), undefined);
  });

  it("rejects where the token cannot be read", async () => {
    const access = createAccess({ token: () => Promise.reject(new Error("gone")), names: [] });
    const signal = new AbortController().signal;
    await assert.rejects(access({ path: "/", query: "", headers: { authorization: `Bearer ${TOKEN}` }, signal }));
  });

  it("is nobody who guesses, whatever it sends", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary" }),
        fc.constantFrom("", "Bearer ", "Basic "),
        async (text, scheme) => {
          assert.equal((await ask({ authorization: scheme + text }, TOKEN))?.status, 401);
        },
      ),
    );
  });
});

describe("who may ask, without a token", () => {
  for (const host of [
    "127.0.0.1",
    "127.0.0.1:9178",
    "10.1.2.3:80",
    "[::1]:9178",
    "[fe80::1]",
    "localhost",
    "LOCALHOST:1",
    "localhost.:1",
    "a.localhost:1",
    "node-7",
    "NODE-7:9178",
    "ip-10-0-0-1.ec2.internal:9178",
  ]) {
    it(`calls the server ${host}`, async () => assert.equal(await ask({ host }), undefined));
  }

  for (const host of [
    "",
    "evil.example",
    "evil.example:9178",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evillocalhost",
    "node-7.evil.example",
    "[evil]",
    "[127.0.0.1]",
    "[::1",
    "127.0.0.1:9178:1",
    "1",
    "0x7f.1",
    "127.0.0.1 evil.example",
  ]) {
    it(`does not call it ${JSON.stringify(host)}`, async () => assert.equal((await ask({ host }))?.status, 403));
  }
});

describe("other sites' pages", () => {
  const own: IncomingHttpHeaders[] = [
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:9178" },
    { origin: "https://127.0.0.1:9178" },
  ];
  const foreign: IncomingHttpHeaders[] = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
    { origin: "null" },
    { origin: "" },
    { origin: "http://evil.example" },
    { origin: "http://127.0.0.1:3000" },
    { origin: "http://127.0.0.1" },
    { origin: "file://" },
    { "sec-fetch-site": "same-origin", origin: "http://evil.example" },
  ];
  for (const token of [undefined, TOKEN]) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    it(`have no answer, ${token === undefined ? "without a token" : "though they have the token"}`, async () => {
      for (const headers of own) assert.equal(await ask({ ...headers, ...authorization }, token), undefined);
      for (const headers of foreign) {
        const answer = await ask({ ...headers, ...authorization }, token);
        assert.equal(answer?.status, 403, JSON.stringify(headers));
      }
    });
  }

  it("are refused or not, but never crash it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ origin: fc.string(), host: fc.string(), site: fc.string() }),
        async ({ origin, host, site }) => {
          const answer = await ask({ origin, host, "sec-fetch-site": site });
          assert.ok(answer === undefined || answer.status === 403);
        },
      ),
    );
  });
});

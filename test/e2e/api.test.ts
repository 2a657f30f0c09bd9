import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { EXIT } from "#src/model/exit-codes.js";
import { countOf, RunningAgent, samplesOf } from "../support/agent.js";
import { Burning, burningNode, burningPython, ENDLESS_MS } from "../support/burning.js";
import { cannotMakeCgroups } from "../support/cgroups.js";
import { checkValid } from "../support/check-valid.js";
import { googlePprofMissing, runGooglePprof } from "../support/google-pprof.js";
import { cannotRecord } from "../support/record.js";
import { TwoPods } from "../support/two-pods.js";
import { until } from "../support/until.js";
import { buildWorkload } from "../support/workload.js";
import { LINKED } from "../workloads/c.js";

const SHOP = "shop-5d4c-x1";
const TOKEN = "f00dfeed".repeat(4);
const MIB = 2 ** 20;
/** For a program to be seen on a machine with a load of twenty. */
const BUSY_MS = 60_000;

const hierarchy = hostCgroupHierarchy();
const reason = cannotRecord();

interface Taken {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

async function take(agent: RunningAgent, path: string, headers: Record<string, string> = {}): Promise<Taken> {
  const response = await fetch(agent.api.replace("0.0.0.0", "127.0.0.1") + path, { headers });
  return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()), headers: response.headers };
}

/** Takes until something is in it: a machine that does much besides gives a program little. */
async function takeSamples(agent: RunningAgent, path: string, headers: Record<string, string> = {}) {
  let bytes: Uint8Array = new Uint8Array();
  await until(async () => {
    const taken = await take(agent, path, headers);
    assert.equal(taken.status, 200);
    checkValid(taken.bytes);
    bytes = taken.bytes;
    return samplesOf(bytes).length > 0;
  }, BUSY_MS);
  return { bytes, samples: samplesOf(bytes) };
}

/** Its patience is half as long again as the time asked for, and five seconds, unless it is told: too short for a load of twenty. */
function fetchByPprof(report: string, url: string): string {
  return runGooglePprof("-timeout", "120", report, url);
}

function textOf({ bytes }: Taken): string {
  return Buffer.from(bytes).toString();
}

function functionsOf(bytes: Uint8Array): string[] {
  const { function: functions, stringTable } = checkValid(bytes);
  return functions.map(({ name }) => stringTable.strings[Number(name)]);
}

function rssBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) * 1024;
}

describe("an agent that this machine may ask for profiles", { skip: reason }, () => {
  let agent: RunningAgent;
  const burning: Burning[] = [];
  const pprofFolder = mkdtempSync(join(tmpdir(), "hostflame-pprof-"));

  before(async () => {
    agent = new RunningAgent(["--window", "2s", "--frequency", "199", "--api-listen", "127.0.0.1:0"]);
    await agent.until("sampling");
  });

  after(async () => {
    await Promise.all(burning.map((child) => child.stop()));
    await agent.dispose();
    rmSync(pprofFolder, { recursive: true });
  });

  for (const [language, start, name] of [
    ["C", () => new Burning(buildWorkload(LINKED[0]).path, String(ENDLESS_MS)), /^(alpha|beta)$/],
    ["Python", burningPython, /PyEval_EvalFrame/],
    ["Node.js", burningNode, /^node::|^v8::/],
  ] as const) {
    it(`has a profile of a ${language} program by its pid, from its first moment`, async () => {
      const child = start();
      burning.push(child);
      // A machine that does much besides gives a program little.
      let functions: readonly string[] = [];
      await until(async () => {
        const { status, bytes, headers } = await take(agent, `/debug/pprof/profile?seconds=2&pid=${child.pid}`);
        assert.equal(status, 200);
        assert.equal(headers.get("content-type"), "application/octet-stream");
        for (const { labels } of samplesOf(bytes)) assert.equal(labels["pid"], String(child.pid));
        functions = functionsOf(bytes);
        return functions.some((text) => name.test(text));
      }, BUSY_MS);
    });
  }

  it("has an empty profile of a process that idles, and none of one that is not there", async () => {
    const idle = new Burning("sleep", "60");
    burning.push(idle);
    await sleep(300); // its own start takes CPU
    const { status, bytes } = await take(agent, `/debug/pprof/profile?seconds=1&pid=${idle.pid}`);
    assert.equal(status, 200);
    assert.equal(checkValid(bytes).sample.length, 0);
    await idle.stop();
    const gone = await take(agent, `/debug/pprof/profile?seconds=1&pid=${idle.pid}`);
    assert.deepEqual([gone.status, gone.headers.get("x-go-pprof")], [404, "1"]);
    assert.match(textOf(gone), new RegExp(`^There is no process ${idle.pid} on node .*\\.\\n$`));
  });

  it("is read by go tool pprof as a Go program is", { skip: googlePprofMissing }, async () => {
    process.env["PPROF_TMPDIR"] = pprofFolder;
    const url = `${agent.api}/debug/pprof/profile?seconds=2&pid=${burning[0].pid}`;
    let raw = "";
    await until(() => (raw = fetchByPprof("-raw", url)).includes("_leaf"), BUSY_MS);
    assert.match(raw, /PeriodType: cpu nanoseconds\nPeriod: 5025126\n/);
    assert.match(raw, new RegExp(`pid:\\[${burning[0].pid}\\]`));
    assert.match(fetchByPprof("-top", url), /^Type: cpu$/m);
    assert.throws(() => fetchByPprof("-top", `${agent.api}/debug/pprof/profile?seconds=0`), /accepts a whole number/);
  });

  it("has a page of the same, under its own policy", async () => {
    const { status, bytes, headers } = await take(agent, `/flamegraph?seconds=1&pid=${burning[0].pid}`);
    assert.equal(status, 200);
    const html = Buffer.from(bytes).toString();
    const [, policy] = /Content-Security-Policy" content="([^"]+)"/.exec(html)!;
    assert.equal(headers.get("content-security-policy"), `${policy}; frame-ancestors 'none'`);
    assert.match(html, new RegExp(`<title>[^<]* · pid ${burning[0].pid} · flame graph`));
    const data = /id="profile">([^<]+)</.exec(html)![1];
    assert.match(gunzipSync(Buffer.from(data, "base64")).toString("latin1"), /"alpha_leaf"/);
  });

  it("keeps the last windows' profiles, the very ones that are on disk", async () => {
    await agent.windows(1);
    const { profiles } = JSON.parse(textOf(await take(agent, "/profiles"))) as {
      readonly profiles: readonly Readonly<Record<string, unknown>>[];
    };
    const split = profiles.find(({ service }) => service === "split-pie")!;
    assert.ok(split !== undefined, JSON.stringify(profiles.map(({ service }) => service)));
    assert.match(String(split["start"]), /^\d{4}-\d\d-\d\dT/);
    const file = await take(agent, String(split["pprof"]));
    assert.equal(file.bytes.length, split["bytes"]);
    assert.equal(countOf(samplesOf(file.bytes)), split["samples"]);
    assert.ok(agent.files().some((name) => agent.bytes(name).equals(file.bytes)));
    const page = await take(agent, String(split["flamegraph"]));
    const data = /id="profile">([^<]+)</.exec(textOf(page))![1];
    assert.match(gunzipSync(Buffer.from(data, "base64")).toString("latin1"), /"alpha_leaf"/);
    const one = JSON.parse(textOf(await take(agent, "/profiles?service=split-pie"))) as {
      profiles: { service: string }[];
    };
    assert.ok(one.profiles.length > 0 && one.profiles.every(({ service }) => service === "split-pie"));
    assert.equal((await take(agent, "/profiles/20200101T000000Z-0.pb.gz")).status, 404);
  });

  it("answers a page of no other site, and no other name", async () => {
    for (const headers of [{ origin: "http://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
      assert.equal((await take(agent, "/profiles", headers)).status, 403);
    }
    const words = [
      "-s",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      "-H",
      "Host: rebound.example",
      `${agent.api}/profiles`,
    ];
    const { stdout, error } = spawnSync("curl", words, { encoding: "utf8" });
    if (error === undefined) assert.equal(stdout, "403");
  });

  it("answers a hundred at once, within its bounds", async () => {
    const before = rssBytes(agent.pid);
    let most = before;
    const looking = setInterval(() => (most = Math.max(most, rssBytes(agent.pid))), 50);
    const answers = await Promise.all(Array.from({ length: 100 }, () => take(agent, "/debug/pprof/profile?seconds=2")));
    clearInterval(looking);
    const statuses = answers.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 8);
    assert.equal(statuses.filter((status) => status === 429).length, 92);
    for (const { status, bytes, headers } of answers) {
      if (status === 200) assert.ok(countOf(samplesOf(bytes)) > 0);
      else assert.match(headers.get("retry-after")!, /^[12]$/);
    }
    assert.ok(most - before < 64 * MIB, `${(most - before) / MIB} MiB more`);
    assert.equal(await agent.metric("hostflame_api_requests_total", 'path="/debug/pprof/profile",status="429"'), 92);
  });

  it("ends a recording that nobody waits for", async () => {
    const asking = new AbortController();
    const asked = fetch(`${agent.api}/debug/pprof/profile?seconds=300`, { signal: asking.signal });
    await until(async () => (await agent.metric("hostflame_api_recordings")) === 1);
    asking.abort();
    await assert.rejects(asked);
    await until(async () => (await agent.metric("hostflame_api_recordings")) === 0);
    assert.equal(await agent.metric("hostflame_api_recordings_ended_total", 'end="client-gone"'), 1);
    assert.equal(await agent.metric("hostflame_api_recordings_bytes"), 0);
  });

  it("has metrics that promtool has nothing to say about", async (context) => {
    const { text } = await agent.get("/metrics");
    const { error, status, stderr, stdout } = spawnSync("promtool", ["check", "metrics"], {
      input: text,
      encoding: "utf8",
    });
    if (error !== undefined) context.skip("promtool is not installed (Debian's package prometheus)");
    else assert.equal(status, 0, stderr + stdout);
  });

  it("has lost no sample of any window to whoever asked, and stops at once while somebody waits", async () => {
    const asked = fetch(`${agent.api}/debug/pprof/profile?seconds=300`).then(
      ({ status }) => status,
      () => 503,
    );
    await until(async () => (await agent.metric("hostflame_api_recordings")) === 1);
    await Promise.all(burning.map((child) => child.stop()));
    const { code, ms } = await agent.stop();
    assert.equal(code, EXIT.ok, agent.errors);
    assert.ok(ms < 10_000, `${ms} ms`);
    assert.equal(await asked, 503);
    const account = agent.find("account") as unknown as Record<string, number> & { refused: Record<string, number> };
    const refused = Object.values(account.refused).reduce((sum, count) => sum + count, 0);
    const lost = account["ringFull"] + account["windowsFailed"] + account["windowsDropped"];
    assert.equal(account["inProfiles"] + refused + lost, account["samples"], JSON.stringify(account));
    // A window that fails, where the last is not written in time, may have been written in part.
    if (account["windowsFailed"] === 0) assert.equal(countOf(agent.samples()), account["inProfiles"]);
    assert.equal(agent.errors, "");
    assert.equal(agent.find("api_failed"), undefined);
  });
});

describe(
  "an agent that other machines may ask",
  { skip: reason ?? (cannotMakeCgroups(hierarchy) || undefined) },
  () => {
    let agent: RunningAgent;
    let pods: TwoPods;
    const folder = mkdtempSync(join(tmpdir(), "hostflame-token-"));
    const bearer = { authorization: `Bearer ${TOKEN}` };

    before(async () => {
      writeFileSync(join(folder, "token"), `${TOKEN}\n`);
      pods = await TwoPods.start(hierarchy);
      agent = new RunningAgent(
        [
          ...["--window", "2s", "--frequency", "199", "--node", "node-0", "--runtime-socket", pods.socket],
          ...["--profiles", "host", "--redact-namespace", "jobs"],
          ...["--api-listen", "0.0.0.0:0", "--api-token-file", join(folder, "token")],
        ],
        await pods.environment(),
      );
      await agent.until("sampling");
      await agent.windows(1);
    });

    after(async () => {
      await agent.dispose();
      await pods.stop();
      rmSync(folder, { recursive: true });
    });

    it("answers nobody without the token", async () => {
      for (const headers of [{}, { authorization: `Bearer ${TOKEN}0` }, { authorization: "Basic Og==" }]) {
        for (const path of ["/debug/pprof/profile", "/flamegraph", "/profiles", "/debug/pprof/", "/metrics", "/none"]) {
          const { status, headers: said } = await take(agent, path, headers);
          assert.deepEqual([path, status], [path, 401]);
          assert.match(said.get("www-authenticate")!, /^Bearer .*Basic /);
        }
      }
    });

    it("has a pod's profile, labelled, by its name", async () => {
      for (const query of [`namespace=store&pod=${SHOP}&container=c0`, `pod=${SHOP}`, `container=${pods.shopId}`]) {
        const { samples } = await takeSamples(agent, `/debug/pprof/profile?seconds=1&${query}`, bearer);
        for (const { labels } of samples) {
          const { namespace, pod, container, service, node, comm } = labels;
          assert.deepEqual([namespace, pod, container, service, node], ["store", SHOP, "c0", "shop", "node-0"]);
          assert.notEqual(comm, undefined);
          assert.match(labels["pid"], /^\d+$/);
        }
      }
    });

    it("has everybody's in one, each with its labels", async () => {
      await until(async () => {
        const { samples } = await takeSamples(agent, "/debug/pprof/profile?seconds=1", bearer);
        const seen = new Set(samples.map(({ labels }) => labels["pod"]));
        return seen.has(SHOP) && seen.has("nightly") && seen.size > 2;
      }, BUSY_MS);
    });

    it("gives names of a redacted namespace only hashed", async () => {
      const path = "/debug/pprof/profile?seconds=1&namespace=jobs";
      const { bytes, samples } = await takeSamples(agent, path, bearer);
      for (const { labels } of samples) assert.match(labels["comm"], /^[0-9a-f]{12}$/);
      assert.ok(!functionsOf(bytes).includes("main"));
      assert.ok(functionsOf(bytes).some((name) => /^[0-9a-f]{12}$/.test(name)));
    });

    it("says of a pod that is not here that it is not", async () => {
      const answer = await take(agent, "/debug/pprof/profile?pod=cart-0", bearer);
      assert.equal(answer.status, 404);
      assert.equal(textOf(answer), "There is no pod cart-0 on node node-0: ask the agent of its own node.\n");
      assert.equal((await take(agent, `/flamegraph?pod=${SHOP}&container=c1`, bearer)).status, 404);
    });

    it("is read by curl and go tool pprof, which know the token their own ways", async (context) => {
      const url = agent.api.replace("0.0.0.0", "127.0.0.1");
      writeFileSync(join(folder, "headers"), `Authorization: Bearer ${TOKEN}\n`);
      const words = ["-fsS", "-H", `@${join(folder, "headers")}`, "-o", join(folder, "cpu.pb.gz")];
      const { error, status } = spawnSync("curl", [...words, `${url}/debug/pprof/profile?seconds=1&pod=${SHOP}`]);
      if (error === undefined) {
        assert.equal(status, 0);
        checkValid(readFileSync(join(folder, "cpu.pb.gz")));
      }
      if (googlePprofMissing !== false) {
        context.skip(googlePprofMissing);
        return;
      }
      process.env["PPROF_TMPDIR"] = folder;
      const path = `debug/pprof/profile?seconds=1&pod=${SHOP}`;
      const withToken = `http://x:${TOKEN}@${url.slice(7)}/${path}`;
      await until(() => fetchByPprof("-tags", withToken).includes(SHOP), BUSY_MS);
      assert.throws(() => fetchByPprof("-top", `${url}/${path}`), /401 Unauthorized - It takes the token/);
    });

    it("takes another token as soon as its file has it", async () => {
      const other = "beefcafe".repeat(4);
      writeFileSync(join(folder, "token"), other);
      assert.equal((await take(agent, "/profiles", bearer)).status, 401);
      assert.equal((await take(agent, "/profiles", { authorization: `Bearer ${other}` })).status, 200);
      writeFileSync(join(folder, "token"), "");
      assert.equal((await take(agent, "/profiles", { authorization: "Bearer " })).status, 500);
      writeFileSync(join(folder, "token"), `${TOKEN}\n`);
    });

    it("has no profile of a pod that opted out, and says why", async () => {
      pods.changeShop({ annotations: { "hostflame.io/profile": "false" } });
      const path = `/debug/pprof/profile?seconds=1&pod=${SHOP}`;
      await until(async () => (await take(agent, path, bearer)).status === 403);
      assert.match(textOf(await take(agent, path, bearer)), /^Pod shop-5d4c-x1 is not sampled: it opted out/);
      const { bytes } = await take(agent, "/debug/pprof/profile?seconds=1&namespace=store", bearer);
      assert.equal(checkValid(bytes).sample.length, 0, "whatever way it is asked for");
    });

    it("never said the token", async () => {
      await agent.stop();
      assert.ok(!JSON.stringify(agent.lines).includes(TOKEN));
      assert.ok(!agent.errors.includes(TOKEN));
    });
  },
);

describe("an agent that would answer anybody", () => {
  for (const [words, sentence] of [
    [
      ["--api-listen", "0.0.0.0:0"],
      /--api-listen 0\.0\.0\.0 can be reached from other machines.*: name a file with a token, or listen on 127\.0\.0\.1\./,
    ],
    [["--api-listen", "[::]:0"], /--api-listen :: can be reached from other machines/],
    [
      ["--api-listen", "127.0.0.1:0", "--api-token-file", "/no/such/token"],
      /--api-token-file: the token file \/no\/such\/token cannot be read \(ENOENT/,
    ],
    [["--api-listen", "127.0.0.1:0", "--api-token-file", "/dev/null"], /\/dev\/null does not hold a token/],
  ] as const) {
    it(`is not started: ${words.join(" ")}`, async () => {
      const agent = new RunningAgent(words);
      try {
        assert.equal(await agent.ended(), EXIT.usage);
        assert.match(agent.errors, sentence);
        assert.match(agent.errors, /^hostflame: [^\n]+\n$/);
      } finally {
        await agent.dispose();
      }
    });
  }
});

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { afterEach, describe, it } from "node:test";
import fc from "fast-check";
import { systemClock } from "#src/util/clock.js";
import { openPodSource, type PodSourceOptions, type WatchedPods } from "#src/kubernetes/watched-pods.js";
import {
  errorEvent,
  FakeApiServer,
  list,
  status,
  watch,
  watchText,
  type Answer,
} from "../../support/fake-api-server.js";
import { ManualClock } from "../../support/manual-clock.js";
import { added, bookmark, deleted, modified, podObject } from "../../support/pod-object.js";
import { until } from "../../support/until.js";

interface Scene {
  readonly server: FakeApiServer;
  readonly pods: WatchedPods;
  readonly clock: ManualClock;
  readonly told: string[];
}

const TIMES = { watchMs: 60_000, graceMs: 1000, headMs: 2000, idleMs: 300 };
const open: Scene[] = [];

async function scene(script: readonly Answer[], options: Partial<PodSourceOptions> = {}): Promise<Scene> {
  const server = await FakeApiServer.start(...script);
  const clock = new ManualClock();
  const { access } = server;
  const pods = openPodSource({ node: "node-0", access, clock, random: () => 0, times: TIMES, ...options });
  const told: string[] = [];
  pods.onChange(({ name, labels }) => told.push(name + (labels["v"] ?? "")));
  const made = { server, pods, clock, told };
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const { pods, server } of open.splice(0)) {
    await pods.close();
    await server.stop();
  }
});

describe("the pods of a node", () => {
  it("are listed from the API server's cache, then watched, with bookmarks and an end", async () => {
    const { server, pods, told } = await scene([list("10", [podObject("a")]), watch(added(podObject("b")))]);
    assert.deepEqual(pods.health, { state: "starting" });
    await until(() => pods.byUid("uid-of-b") !== undefined);
    assert.deepEqual(pods.health, { state: "synced", pods: 2 });
    assert.equal(pods.byContainerId("id-of-a")?.name, "a");
    assert.deepEqual(told, ["a", "a", "b"]);
    const [first, second] = server.requests;
    assert.equal(first.path, "/api/v1/pods");
    assert.deepEqual(first.query, { fieldSelector: "spec.nodeName=node-0", limit: "100", resourceVersion: "0" });
    assert.deepEqual(second.query, {
      fieldSelector: "spec.nodeName=node-0",
      watch: "1",
      resourceVersion: "10",
      allowWatchBookmarks: "true",
      timeoutSeconds: "60",
    });
  });

  it("are listed page by page where the API server gives pages", async () => {
    const { server, pods } = await scene([
      list("10", [podObject("a")], "page-2"),
      list("10", [podObject("b")], "page-3"),
      list("10", [podObject("c")]),
      watch(),
    ]);
    await until(() => server.requests.length === 4);
    assert.deepEqual(server.asked, ["list 0", "list page-2", "list page-3", "watch 10"]);
    assert.deepEqual(pods.health, { state: "synced", pods: 3 });
  });

  it("are of one node, whatever it is called", async () => {
    const { server } = await scene([list("1", []), watch()], { node: "a,metadata.name=b" });
    await until(() => server.requests.length === 2);
    for (const { query } of server.requests) {
      assert.equal(query["fieldSelector"], "spec.nodeName=a\\,metadata.name\\=b");
    }
  });

  it("change, and are told when something that is kept of them did", async () => {
    const { pods, told } = await scene([
      list("1", [podObject("a")]),
      watch(
        modified(podObject("a", { version: "2", labels: { v: "2" } })),
        modified(podObject("a", { version: "3", labels: { v: "2" } })),
        modified(podObject("a", { version: "4", labels: { v: "4" } })),
      ),
    ]);
    await until(() => pods.counts.events === 3);
    assert.deepEqual(told, ["a", "a", "a2", "a4"]);
  });

  it("are listed anew when one more annotation is wanted of them, and only then", async () => {
    const sketch = { annotations: { team: "a", floor: "3" } };
    const { server, pods, told, clock } = await scene(
      [list("1", [podObject("a", sketch)]), watch(), list("2", [podObject("a", { ...sketch, version: "2" })]), watch()],
      { annotations: ["team"] },
    );
    await until(() => server.requests.length === 2);
    const kept = () => ({ ...pods.byUid("uid-of-a")?.annotations });
    assert.deepEqual(kept(), { team: "a" });
    pods.keepAnnotations([]);
    pods.keepAnnotations(["floor"]);
    await until(() => server.requests.length === 4);
    assert.deepEqual(server.asked, ["list 0", "watch 1", "list 1", "watch 2"]);
    assert.deepEqual(kept(), { floor: "3" });
    assert.deepEqual([clock.sleeps, pods.health], [[], { state: "synced", pods: 1 }], "nothing failed");
    pods.keepAnnotations([]);
    assert.equal(told.length, 4);
  });

  it("that are deleted stay known, by what was last said of them", async () => {
    const last = podObject("a", { ids: ["late"], version: "3" });
    const { pods } = await scene([list("1", [podObject("a")]), watch(deleted(last))]);
    await until(() => pods.endedPods === 1);
    assert.deepEqual(pods.health, { state: "synced", pods: 0 });
    assert.equal(pods.byContainerId("late")?.name, "a");
    assert.equal(pods.byContainerId("id-of-a")?.name, "a");
  });

  it("of another node are refused", async () => {
    const { pods } = await scene([list("1", [podObject("a", { node: "node-1" })]), watch()]);
    await until(() => pods.counts.watches === 1);
    assert.equal(pods.byUid("uid-of-a"), undefined);
    assert.equal(pods.counts.dropped["other-node"], 1);
  });

  it("are told to everyone; one listener's mistake is the process's to report", async () => {
    const { pods, told } = await scene([list("1", [podObject("a")]), watch()]);
    const reported: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => reported.push(error.message));
    pods.onChange(() => {
      throw new Error("a mistake");
    });
    try {
      await until(() => pods.counts.watches === 1 && reported.length === 2);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    assert.deepEqual(
      [told, reported],
      [
        ["a", "a"],
        ["a mistake", "a mistake"],
      ],
    );
  });
});

describe("a watch", () => {
  it("that ends goes on where it was, by the last event or bookmark", async () => {
    const end = watchText(`${JSON.stringify(added(podObject("b", { version: "11" })))}\n`);
    const marked = watchText(`${JSON.stringify(bookmark("25"))}\n`);
    const { server, pods, clock } = await scene([list("10", []), end, marked, watch()]);
    await until(() => server.requests.length === 4);
    assert.deepEqual(server.asked, ["list 0", "watch 10", "watch 11", "watch 25"]);
    assert.deepEqual([clock.sleeps, pods.health.state], [[], "synced"]);
  });

  for (const [how, gone] of [
    ["as a status", status(410, "too old resource version: 10 (99)")],
    ["within it", watch(errorEvent(410, "too old resource version: 10 (99)"))],
  ] as const) {
    it(`whose place is forgotten, told ${how}, is answered by a list that is not older, at once`, async () => {
      const { server, pods, clock } = await scene([
        list("10", [podObject("a")]),
        gone,
        list("99", [podObject("b")]),
        watch(),
      ]);
      await until(() => server.requests.length === 4);
      assert.deepEqual(server.asked, ["list 0", "watch 10", "list 10", "watch 99"]);
      // With a limit, and without this word, a version would mean exactly that version.
      const { resourceVersionMatch, limit } = server.requests[2].query;
      assert.deepEqual([resourceVersionMatch, limit], ["NotOlderThan", undefined]);
      assert.deepEqual([clock.sleeps, pods.counts.failures.gone], [[], 1]);
      assert.deepEqual([pods.health, pods.endedPods], [{ state: "synced", pods: 1 }, 1]);
    });
  }

  it("whose place is forgotten again and again is asked for with pauses, after a list of the latest", async () => {
    const { server, clock } = await scene([
      list("1", []),
      status(410, "gone"),
      list("2", []),
      status(410, "gone"),
      list("3", []),
      watch(),
    ]);
    await until(() => server.requests.length === 6);
    assert.deepEqual(server.asked, ["list 0", "watch 1", "list 1", "watch 2", "list latest", "watch 3"]);
    assert.deepEqual(clock.sleeps, [1000]);
  });

  it("after which a list's version is refused, lists the latest", async () => {
    const { server } = await scene([
      list("10", []),
      status(410, "gone"),
      status(504, "Timeout: Too large resource version: 10, current: 3", { "retry-after": "1" }),
      list("4", []),
      watch(),
    ]);
    await until(() => server.requests.length === 5);
    assert.deepEqual(server.asked, ["list 0", "watch 10", "list 10", "list latest", "watch 4"]);
  });

  it("that ends within an event gets it again", async () => {
    const half = JSON.stringify(added(podObject("b", { version: "11" }))).slice(0, 100);
    const { server, pods } = await scene([
      list("10", []),
      watchText(`${JSON.stringify(bookmark("10"))}\n${half}`),
      watch(added(podObject("b", { version: "11" }))),
    ]);
    await until(() => pods.byUid("uid-of-b") !== undefined);
    assert.deepEqual([server.asked.at(-1), pods.counts.dropped.truncated], ["watch 10", 1]);
  });

  it("with what is no JSON is followed by a list, after a pause", async () => {
    const { server, pods, clock } = await scene([list("10", []), watchText("<html>\n"), list("12", []), watch()]);
    await until(() => server.requests.length === 4);
    assert.deepEqual(server.asked, ["list 0", "watch 10", "list 10", "watch 12"]);
    assert.deepEqual([clock.sleeps, pods.counts.dropped.malformed], [[1000], 1]);
  });

  it("with an event of 10 MiB goes on, and is followed by a list when it ends", async () => {
    const huge = podObject("huge", { annotations: { note: "x".repeat(10 << 20) } });
    const events = [added(huge), added(podObject("b", { version: "12" }))].map((event) => `${JSON.stringify(event)}\n`);
    const { server, pods } = await scene([list("10", []), watchText(events.join("")), list("13", []), watch()]);
    await until(() => server.requests.length === 4);
    assert.deepEqual(server.asked, ["list 0", "watch 10", "list 12", "watch 13"]);
    assert.deepEqual([pods.counts.dropped.oversized, pods.byUid("uid-of-b")?.name], [1, "b"]);
    assert.equal(pods.byUid("uid-of-huge"), undefined);
  });

  it("that ends as soon as it began is not asked for without a pause", async () => {
    const { server, pods, clock } = await scene([list("10", []), watchText(""), watchText(""), watch()]);
    await until(() => server.requests.length === 4);
    assert.deepEqual([clock.sleeps, pods.counts.failures.refused], [[1000, 1000], 2]);
  });

  it("with events of no known kind, and pods that are none, goes on", async () => {
    const strange = [
      { type: "RENAMED", object: {} },
      added({ metadata: {} }),
      7,
      added(podObject("b", { version: "11" })),
    ];
    const { pods } = await scene([list("10", []), watch(...strange)]);
    await until(() => pods.byUid("uid-of-b") !== undefined);
    assert.equal(pods.counts.dropped.malformed, 3);
  });

  it("is not stopped by anything that an event may hold", async () => {
    const anything = fc.sample(
      fc.oneof(
        fc.jsonValue(),
        fc.jsonValue().map((object) => ({ type: "ADDED", object })),
      ),
      500,
    );
    const { pods } = await scene([list("10", []), watch(...anything, added(podObject("b", { version: "11" })))]);
    await until(() => pods.byUid("uid-of-b") !== undefined);
    assert.deepEqual([pods.counts.watches, pods.counts.dropped.malformed], [1, 500]);
  });
});

describe("an API server", () => {
  it("that forbids is asked again, says which right is missing, and forgets nothing", async () => {
    const said = 'pods is forbidden: User "system:serviceaccount:profiling:agent" cannot list resource "pods"';
    const script = [list("10", [podObject("a")]), watchText(`${JSON.stringify(bookmark("10"))}\n`), status(403, said)];
    const { server, pods, clock } = await scene(script);
    await until(() => server.requests.length > 6);
    const { health } = pods;
    assert.equal(health.state, "away");
    const host = /at (127\S+)/.exec(health.detail)?.[1] ?? "";
    assert.equal(
      health.detail,
      `The Kubernetes API at ${host} answers 403: ${said}; grant the service account pods: list, watch; see deploy/base/rbac.yaml.`,
    );
    assert.equal(health.sinceMs, Date.UTC(2026, 10, 21, 12), "since the first refusal");
    assert.ok(clock.sleeps.length >= 4);
    assert.equal(pods.byUid("uid-of-a")?.name, "a");
  });

  it("that permits again is followed again", async () => {
    const { pods, server } = await scene([
      status(403, "forbidden"),
      status(401, "Unauthorized"),
      list("1", [podObject("a")]),
      status(403, "forbidden"),
      watch(),
    ]);
    await until(() => server.requests.length === 5);
    await until(() => pods.health.state === "synced");
    assert.deepEqual([pods.counts.failures.forbidden, pods.counts.failures.unauthorized], [2, 1]);
  });

  it("is left alone as long as it asks", async () => {
    const { server, clock } = await scene([
      status(429, "slow down", { "retry-after": "7" }),
      status(503, "starting", { "retry-after": "3" }),
      status(500, "oops"),
      status(503, "x", { "retry-after": "99999" }),
      list("1", []),
      watch(errorEvent(429, "too many requests")),
    ]);
    await until(() => server.requests.length > 6);
    assert.deepEqual(clock.sleeps.slice(0, 5), [7000, 3000, 1000, 300_000, 1000]);
  });

  it("that breaks off, in the head, a list or a watch, is asked again; the list is whole or none", async () => {
    const cut =
      (text: string): Answer =>
      (response: ServerResponse) => {
        response.write(text);
        setImmediate(() => response.destroy());
      };
    const half = JSON.stringify({ metadata: { resourceVersion: "9" }, items: [podObject("a")] }).slice(0, -2);
    const { server, pods, clock } = await scene([
      (response) => void response.destroy(),
      cut(half),
      list("10", [podObject("b")]),
      cut(`${JSON.stringify(bookmark("11"))}\n`),
      watch(),
    ]);
    await until(() => server.requests.length === 5 && pods.health.state === "synced");
    assert.deepEqual(server.asked, ["list 0", "list 0", "list 0", "watch 10", "watch 11"]);
    assert.deepEqual([pods.counts.failures.network, clock.sleeps.length, pods.counts.lists], [3, 3, 1]);
  });

  it("that falls silent is given up: without an answer, within a list, within a watch", async () => {
    const silent: Answer = () => undefined;
    const half: Answer = (response) => void response.write('{"metadata":{"resourceVersion":"9"},"items":[');
    const times = { watchMs: 1000, graceMs: 200, headMs: 300, idleMs: 200 };
    const script = [silent, half, list("10", []), watch(), silent, watch()];
    const { server, pods } = await scene(script, { times });
    await until(() => server.requests.length === 6, 5000);
    assert.equal(pods.counts.failures.timeout, 4);
    assert.deepEqual(server.asked.slice(2), ["list 0", "watch 10", "watch 10", "watch 10"]);
  });

  it("is none: a page of HTML, a list without a version, a continuation without end", async () => {
    const html: Answer = (response) => void response.end("<html>");
    const { server, pods } = await scene([
      html,
      list("", []),
      list("5", [], "again"),
      list("5", [], "again"),
      list("5", []),
      watch(),
    ]);
    await until(() => server.requests.length === 6);
    assert.deepEqual([pods.counts.failures.malformed, pods.counts.lists], [3, 1]);
  });

  it("is let go of at once when the source is closed, whatever it was doing", async () => {
    for (const script of [[list("1", []), watch()], [() => undefined], [status(500, "oops")]] as readonly Answer[][]) {
      const { pods, server } = await scene(script, { clock: systemClock });
      await until(() => server.requests.length === script.length);
      const before = performance.now();
      await pods.close();
      assert.ok(performance.now() - before < 100);
    }
  });
});

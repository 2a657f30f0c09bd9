import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PodIndex } from "#src/kubernetes/pod-index.js";
import { trimPod } from "#src/kubernetes/trim-pod.js";
import { ManualClock } from "../../support/manual-clock.js";
import { podObject, type PodSketch } from "../../support/pod-object.js";

const MINUTE = 60_000;

function open(limits: { readonly maxPods?: number; readonly maxEnded?: number } = {}) {
  const clock = new ManualClock();
  const drops: string[] = [];
  const index = new PodIndex({
    clock,
    keepMs: 5 * MINUTE,
    maxPods: 100,
    maxEnded: 100,
    dropped: (reason) => void drops.push(reason),
    ...limits,
  });
  const put = (name: string, sketch: PodSketch = {}) =>
    index.put(trimPod(podObject(name, sketch), { annotations: new Set(), cut: () => undefined })!);
  return { clock, drops, index, put };
}

describe("pods", () => {
  it("are found by uid and by the ids of their containers", () => {
    const { index, put } = open();
    put("a", { ids: ["1", "2"] });
    put("b", { ids: ["3"] });
    assert.equal(index.byUid("uid-of-a")?.name, "a");
    assert.equal(index.byContainerId("2")?.name, "a");
    assert.equal(index.byContainerId("3")?.name, "b");
    assert.equal(index.byContainerId("4"), undefined);
  });

  it("that change are told, and no other", () => {
    const { put } = open();
    assert.ok(put("a"));
    assert.equal(put("a", { version: "2" }), undefined);
    assert.ok(put("a", { labels: { x: "y" } }));
    assert.equal(put("a", { labels: { x: "y" }, version: "3" }), undefined);
    assert.ok(put("a", { labels: { x: "z" } }));
  });

  it("keep the ids of containers that were restarted, the last eight", () => {
    const { index, put } = open();
    for (let run = 0; run < 12; run++) put("a", { ids: [`run-${run}`] });
    assert.deepEqual(
      index.byUid("uid-of-a")?.containers[0].ids,
      [11, 10, 9, 8, 7, 6, 5, 4].map((run) => `run-${run}`),
    );
    assert.equal(index.byContainerId("run-4")?.name, "a");
    assert.equal(index.byContainerId("run-3"), undefined);
  });

  it("that are static are found by both names", () => {
    const { index, put } = open();
    const hash = "0123456789abcdef0123456789abcdef";
    const annotations = { "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash };
    put("etcd", { annotations, owner: { apiVersion: "v1", kind: "Node", name: "node-0" } });
    assert.equal(index.byUid(hash)?.name, "etcd");
    assert.equal(index.byUid("uid-of-etcd")?.name, "etcd");
  });

  it("that claim another's name or id do not get it", () => {
    const { index, put, drops } = open();
    put("victim", { ids: ["1"] });
    const annotations = {
      "kubernetes.io/config.hash": "uid-of-victim",
      "kubernetes.io/config.mirror": "uid-of-victim",
    };
    put("thief", { ids: ["1"], annotations, owner: { apiVersion: "v1", kind: "Node", name: "node-0" } });
    assert.equal(index.byUid("uid-of-victim")?.name, "victim");
    assert.equal(index.byContainerId("1")?.name, "victim");
    assert.deepEqual(drops, ["claimed"]);
  });
});

describe("ended pods", () => {
  it("stay known for five minutes", () => {
    const { index, put, clock } = open();
    put("a");
    index.end("uid-of-a");
    clock.advance(5 * MINUTE);
    index.expire();
    assert.deepEqual([index.livePods, index.endedPods], [0, 1]);
    clock.advance(1);
    index.expire();
    assert.equal(index.endedPods, 0);
    assert.equal(index.byUid("uid-of-a"), undefined);
    assert.equal(index.byContainerId("id-of-a"), undefined);
  });

  it("stay while they are asked for, and are never given later than that", () => {
    const { index, put, clock } = open();
    put("a");
    index.end("uid-of-a");
    for (let minute = 0; minute < 12; minute += 4) {
      clock.advance(4 * MINUTE);
      assert.equal(index.byContainerId("id-of-a")?.name, "a");
    }
    clock.advance(5 * MINUTE + 1);
    assert.equal(index.byContainerId("id-of-a"), undefined);
    assert.equal(index.endedPods, 0);
  });

  it("are never mixed with one made again under the same name", () => {
    const { index, put } = open();
    put("a", { uid: "first", ids: ["1"], labels: { v: "1" } });
    index.end("first");
    put("a", { uid: "second", ids: ["2"], labels: { v: "2" } });
    assert.equal(index.byContainerId("1")?.labels["v"], "1");
    assert.equal(index.byUid("first")?.uid, "first");
    assert.equal(index.byContainerId("2")?.labels["v"], "2");
  });

  it("are also those that have run to their end, without being deleted", () => {
    const { index, put, clock } = open();
    put("job");
    assert.equal(put("job", { phase: "Succeeded", finishedAt: "2026-11-21T12:00:00Z" }), undefined);
    assert.deepEqual([index.livePods, index.endedPods], [0, 1]);
    index.end("uid-of-job");
    clock.advance(5 * MINUTE + 1);
    index.expire();
    assert.equal(index.endedPods, 0);
  });

  it("of long ago are not taken from a list", () => {
    const { index, put } = open();
    assert.equal(put("old", { phase: "Failed", finishedAt: "2026-11-21T11:54:59Z" }), undefined);
    assert.ok(put("new", { phase: "Failed", finishedAt: "2026-11-21T11:55:01Z" }));
    assert.deepEqual([index.byUid("uid-of-old"), index.byUid("uid-of-new")?.name], [undefined, "new"]);
  });

  it("are what a list does not have any more", () => {
    const { index, put } = open();
    ["a", "b", "c"].forEach((name) => put(name));
    index.endAllBut(new Set(["uid-of-b"]));
    assert.deepEqual(
      index.pods().map(({ name }) => name),
      ["b"],
    );
    assert.equal(index.byUid("uid-of-a")?.name, "a");
  });

  it("are bounded: the least recently used goes, counted", () => {
    const { index, put, drops } = open({ maxEnded: 2 });
    for (const name of ["a", "b", "c"]) {
      put(name);
      index.end(`uid-of-${name}`);
      index.byUid("uid-of-a");
    }
    assert.deepEqual(drops, ["too-many-ended"]);
    assert.deepEqual(
      ["a", "b", "c"].map((name) => index.byUid(`uid-of-${name}`)?.name),
      ["a", undefined, "c"],
    );
  });
});

describe("too many pods", () => {
  it("push out those that never started, first", () => {
    const { index, put, drops } = open({ maxPods: 2 });
    put("running");
    put("pending", { ids: [""] });
    put("started");
    assert.deepEqual(
      index.pods().map(({ name }) => name),
      ["running", "started"],
    );
    assert.deepEqual(drops, ["too-many-pods"]);
  });

  it("are refused where all have started, and tell of nobody", () => {
    const { index, put } = open({ maxPods: 2 });
    ["a", "b", "c"].forEach((name) => put(name));
    assert.equal(index.livePods, 2);
    assert.equal(index.byContainerId("id-of-c"), undefined);
  });
});

/** What happens to a few pods that have, in turn, a few ids: more often the same than in any cluster. */
const anyEvent = fc.oneof(
  fc.record({
    kind: fc.constantFrom("put", "finish"),
    pod: fc.nat(4),
    ids: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("end"), pod: fc.nat(4) }),
  fc.record({ kind: fc.constant("list"), pods: fc.uniqueArray(fc.nat(4)) }),
  fc.record({ kind: fc.constant("wait"), minutes: fc.nat(6) }),
);

describe("whatever happens", () => {
  it("no pod is taken for another, and nothing is kept for good", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const { index, put, clock } = open({ maxPods: 3, maxEnded: 2 });
        for (const event of events) {
          if ("ids" in event) {
            const phase = event.kind === "put" ? "Running" : "Succeeded";
            put(`p${event.pod}`, { phase, ids: event.ids.map((id) => `id-${id}`) });
          } else if ("pods" in event) index.endAllBut(new Set(event.pods.map((pod) => `uid-of-p${pod}`)));
          else if ("minutes" in event) clock.advance(event.minutes * MINUTE);
          else index.end(`uid-of-p${event.pod}`);
          assertSane(index);
        }
        index.endAllBut(new Set());
        clock.advance(5 * MINUTE + 1);
        index.expire();
        assert.deepEqual([index.livePods, index.endedPods], [0, 0]);
        for (let id = 0; id < 10; id++) assert.equal(index.byContainerId(`id-${id}`), undefined);
      }),
      { numRuns: 1000 },
    );
  });
});

function assertSane(index: PodIndex): void {
  assert.ok(index.livePods <= 3 && index.endedPods <= 2);
  for (let pod = 0; pod < 5; pod++) {
    const found = index.byUid(`uid-of-p${pod}`);
    assert.ok(found === undefined || found.uid === `uid-of-p${pod}`);
  }
  for (let id = 0; id < 10; id++) {
    const found = index.byContainerId(`id-${id}`);
    if (found === undefined) continue;
    assert.ok(found.containers.some(({ ids }) => ids.includes(`id-${id}`)));
    assert.equal(index.byUid(found.uid), found);
  }
}

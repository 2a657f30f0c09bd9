import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AgentHealth, Liveness, reportHealth, worstOf, type PartHealth } from "#src/agent/health.js";

const ok: PartHealth = { state: "ok", detail: "connected." };
const degraded: PartHealth = { state: "degraded", detail: "the socket is away." };
const none: PartHealth = { state: "off", detail: "" };

describe("readiness", () => {
  it("is sampling, whatever is degraded; and it says what is missing", () => {
    const report = reportHealth("sampling", { bpf: ok, runtimes: degraded, pods: { state: "off", detail: "" } });
    assert.equal(report.ready, true);
    assert.deepEqual(report.missing, ["runtimes: the socket is away."]);
  });

  it("is not starting, nor stopping", () => {
    assert.equal(reportHealth("starting", {}).ready, false);
    assert.equal(reportHealth("stopping", { bpf: ok }).ready, false);
  });

  it("asks each part anew", () => {
    const health = new AgentHealth();
    let part = ok;
    health.add("runtimes", () => part);
    assert.deepEqual(health.report().missing, []);
    part = degraded;
    assert.equal(health.report().missing.length, 1);
  });

  it("of several is the worst, with the sentences of the worst", () => {
    assert.deepEqual(worstOf([], none), none);
    assert.deepEqual(worstOf([ok, degraded, ok, degraded], none).detail, "the socket is away. the socket is away.");
    assert.equal(worstOf([ok, { state: "starting", detail: "" }], none).state, "starting");
  });
});

describe("liveness", () => {
  function livenessOf() {
    const state = { nowMs: 0, produced: 0, arrived: 0, ageMs: 0, writingMs: 0 };
    const liveness = new Liveness({
      clock: { wallMs: () => 0, monotonicMs: () => state.nowMs },
      produced: () => state.produced,
      arrived: () => state.arrived,
      windowAgeMs: () => state.ageMs,
      writingMs: () => state.writingMs,
      windowMs: () => 60_000,
    });
    return { liveness, state };
  }

  it("is a drain that moves while there is something to drain", () => {
    const { liveness, state } = livenessOf();
    for (let minute = 0; minute < 10; minute++) {
      state.nowMs = minute * 60_000 + 1;
      state.produced += 100;
      state.arrived += 90;
      assert.equal(liveness.problem(), undefined);
    }
    state.produced += 5;
    assert.equal(liveness.problem(), undefined);
    state.nowMs += 59_000;
    assert.equal(liveness.problem(), undefined);
    state.nowMs += 2000;
    assert.match(liveness.problem() ?? "", /^samples wait in the ring, and none has been taken out for 61 s\.$/);
    state.arrived++;
    assert.equal(liveness.problem(), undefined);
  });

  it("is not lost on an idle machine, or where all pods opted out", () => {
    const { liveness, state } = livenessOf();
    state.nowMs = 3_600_000;
    assert.equal(liveness.problem(), undefined);
  });

  it("is not lost on an idle machine where some samples never arrived", () => {
    const { liveness, state } = livenessOf();
    state.produced = 100;
    state.arrived = 90;
    for (let minute = 0; minute < 10; minute++) {
      state.nowMs = minute * 60_000;
      assert.equal(liveness.problem(), undefined);
    }
  });

  it("is a window that ends", () => {
    const { liveness, state } = livenessOf();
    state.ageMs = 299_000;
    assert.equal(liveness.problem(), undefined);
    state.ageMs = 301_000;
    assert.equal(liveness.problem(), "a window of 60 s has been going on for 301 s.");
  });

  it("is a window that comes to be written", () => {
    const { liveness, state } = livenessOf();
    state.writingMs = 299_000;
    assert.equal(liveness.problem(), undefined);
    state.writingMs = 301_000;
    assert.equal(liveness.problem(), "a window of 60 s has been in writing for 301 s.");
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createProfileEncoder } from "#src/agent/encode-profile.js";
import { KeptProfiles } from "#src/agent/api/kept-profiles.js";
import type { LabelledProfile } from "#src/model/labelled-profile.js";
import { ProfileBuilder } from "../../../support/profile-builder.js";

const SIGNAL = new AbortController().signal;
const START = BigInt(Date.UTC(2026, 10, 21, 14, 20)) * 1_000_000n;

function labelled(service: string): LabelledProfile {
  const profile = ProfileBuilder.parse("sh;main;work 3\nsh;main 2");
  return { service, env: "", version: "", labels: new Map([["pod", service]]), profile };
}

function batchOf(...services: readonly string[]) {
  return { startNs: START, endNs: START + 60_000_000_000n, profiles: services.map(labelled) };
}

describe("the profiles kept in memory", () => {
  it("are found by what their window and number make, the newest first", async () => {
    const kept = new KeptProfiles(1 << 20, () => Promise.resolve(new Uint8Array(100)));
    assert.deepEqual(await kept.export(batchOf("a", "b"), SIGNAL), { exported: 2, bytes: 200, failed: {} });
    assert.deepEqual(
      kept.all().map(({ id, samples, labelled: { service } }) => [id, samples, service]),
      [
        ["20261121T142000Z-1", 5, "b"],
        ["20261121T142000Z-0", 5, "a"],
      ],
    );
    assert.equal(kept.find("20261121T142000Z-0")?.labelled.service, "a");
    assert.equal(kept.find("20261121T142000Z-2"), undefined);
    assert.ok(!("profile" in kept.all()[0].labelled), "only the bytes stay");
  });

  it("stay within their bytes: the oldest go", async () => {
    const kept = new KeptProfiles(100_000, () => Promise.resolve(new Uint8Array(18_000)));
    for (let at = 0; at < 50; at++) {
      await kept.export(batchOf(String(at)), SIGNAL);
      assert.ok(kept.bytes <= 100_000);
    }
    assert.deepEqual(
      kept.all().map(({ labelled: { service } }) => service),
      ["49", "48", "47", "46"],
    );
  });

  it("count what is not kept, and why", async () => {
    const sizes = new Map([["large", 99_000]]);
    const kept = new KeptProfiles(100_000, ({ service }) =>
      service === "bad" ? Promise.reject(new Error("bad")) : Promise.resolve(new Uint8Array(sizes.get(service) ?? 10)),
    );
    assert.deepEqual(await kept.export(batchOf("large", "bad", "good"), SIGNAL), {
      ...{ exported: 1, bytes: 10 },
      failed: { "too-large": 1, "encoding-failed": 1 },
    });
    assert.deepEqual((await kept.export(batchOf("a"), AbortSignal.abort())).failed, { aborted: 1 });
    const none = new KeptProfiles(0, () => Promise.resolve(new Uint8Array(1)));
    assert.deepEqual((await none.export(batchOf("a"), SIGNAL)).failed, { "too-large": 1 });
  });

  it("have the very bytes that files have, made once", async () => {
    const encode = createProfileEncoder();
    const profile = labelled("a");
    assert.equal(await encode(profile), await encode(profile));
    assert.notEqual(await encode(profile), await encode(labelled("a")));
  });
});

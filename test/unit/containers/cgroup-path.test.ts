import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { identifyCgroup } from "#src/containers/cgroup-path.js";
import type { CgroupIdentity } from "#src/containers/directory.js";
import type { CgroupId } from "#src/model/cgroup.js";

const FIXTURES = "test/fixtures/cgroups";

function identify(names: readonly string[]): CgroupIdentity {
  return identifyCgroup({ id: 1n as CgroupId, names, truncated: false });
}

/** As the fixtures write it: "container=… pods=… pod=… runtime=… unit=…", or "nothing". */
function describeIdentity({ containerIds, podUids, podUid, runtime, unit }: CgroupIdentity): string {
  const pods = podUids.map((uid) => uid ?? "-").join(",");
  const alone = containerIds.length < 2;
  const facts = [
    containerIds.length === 0 ? "" : `container=${containerIds.join(",")}`,
    alone || podUids.every((uid) => uid === undefined) ? "" : `pods=${pods}`,
    podUid === undefined ? "" : `pod=${podUid}`,
    runtime === undefined ? "" : `runtime=${runtime}`,
    unit === undefined ? "" : `unit=${unit}`,
  ].filter((fact) => fact !== "");
  if (alone && containerIds.length === 1) assert.equal(podUids[0], podUid);
  return facts.length === 0 ? "nothing" : facts.join(" ");
}

describe("cgroup paths", () => {
  for (const file of readdirSync(FIXTURES)) {
    it(`of ${path.basename(file, ".txt")}`, () => {
      const text = readFileSync(path.join(FIXTURES, file), "utf8");
      const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      assert.ok(lines.length > 0 && lines.length % 2 === 0);
      const actual = lines.flatMap((line, index) => {
        if (index % 2 === 1) return [];
        const names = line.split("/").filter((name) => name !== "");
        return [line, `  -> ${describeIdentity(identify(names))}`];
      });
      assert.deepEqual(actual, lines);
    });
  }

  it("are those of every runtime and driver that is spoken of", () => {
    const files = readdirSync(FIXTURES).join(" ");
    for (const word of [
      "containerd",
      "crio",
      "docker",
      "podman",
      "kind",
      "lxc",
      "ecs",
      "host",
      "systemd",
      "cgroupfs",
    ]) {
      assert.match(files, new RegExp(word));
    }
  });
});

describe("hostile cgroup paths", () => {
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
  const uid = fc.uuid();
  const shaped = fc.oneof(
    hex,
    hex.map((id) => `docker-${id}.scope`),
    hex.map((id) => `crio-${id}`),
    hex.map((id) => `libpod-conmon-${id}.scope`),
    uid.map((text) => `pod${text}`),
    uid.map((text) => `kubepods-burstable-pod${text.replaceAll("-", "_")}.slice`),
    fc.tuple(uid, hex).map(([text, id]) => `kubepods-pod${text.replaceAll("-", "_")}.slice:cri-containerd:${id}`),
    fc.constantFrom(
      "kubepods",
      "docker",
      "buildkit",
      "lxc",
      "lxc.payload.x",
      "libpod_parent",
      "system.slice",
      "a.service",
    ),
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("\\x", "\\xzz", "\\xff\\xfe.service", "..", "", "\u0000", "a".repeat(4096), "a.".repeat(2000)),
  );

  it("of any names end in an identity, at once", () => {
    const check = (names: readonly string[]) => {
      const { containerIds, podUids, podUid, unit } = identify(names);
      assert.ok(containerIds.length <= 4);
      assert.equal(podUids.length, containerIds.length);
      for (const id of containerIds) assert.ok(names.some((name) => name.includes(id)) && id.length <= 256);
      for (const known of [podUid, ...podUids]) assert.ok(known === undefined || /^[0-9a-f-]{32,36}$/.test(known));
      assert.ok(unit === undefined || containerIds.length === 0);
    };
    fc.assert(fc.property(fc.array(shaped, { maxLength: 40 }), check), { numRuns: 2000 });
  });

  it("below a container leave that container the first", () => {
    const above = fc.constantFrom(
      ["kubepods", "burstable", "pod6ef57449-eb33-4d53-b6a3-ffc2c03d9cac"],
      ["kubepods.slice", "kubepods-pod6ef57449_eb33_4d53_b6a3_ffc2c03d9cac.slice"],
    );
    const check = (parents: readonly string[], own: string, below: readonly string[]) => {
      const alone = identify([...parents, own]);
      const { containerIds, podUids, podUid, unit } = identify([...parents, own, ...below]);
      assert.equal(containerIds[0], own);
      assert.equal(podUids[0], "6ef57449-eb33-4d53-b6a3-ffc2c03d9cac");
      assert.equal(podUid, alone.podUid);
      assert.equal(unit, undefined);
    };
    fc.assert(fc.property(above, hex, fc.array(shaped, { maxLength: 20 }), check), { numRuns: 1000 });
  });

  it("of ten thousand levels take no longer than others", () => {
    const names = Array.from({ length: 10_000 }, (_, level) => `${"ab-".repeat(80)}${level}`);
    const start = performance.now();
    identify(names);
    assert.ok(performance.now() - start < 50);
  });
});

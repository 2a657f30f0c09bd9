import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { decodePageData, encodePageData } from "#src/flamegraph/page-data.js";
import { callTree } from "#src/model/call-tree.js";
import { arbitraryProfile, ticksIn } from "../../support/arbitrary-profile.js";
import { knownProfile } from "../../support/known-profile.js";

const about = { host: "h", tool: "t", timeMs: 1, durationMs: 2, periodNs: 1e9 / 19 };

test("what is decoded is what was encoded, for any profile", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const tree = callTree(profile, { order: "heaviest-first" });
      const decoded = decodePageData(encodePageData({ about, tree }));
      assert.deepEqual(decoded, { about, tree });
      assert.equal(decoded.tree.total[0], ticksIn(profile));
    }),
  );
});

test("data cut short is refused, not drawn", () => {
  const bytes = encodePageData({ about, tree: callTree(knownProfile(), { order: "name" }) });
  assert.throws(() => decodePageData(bytes.slice(0, -1)), /cut short/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { callTree, type CallTree } from "#src/model/call-tree.js";
import { arbitraryProfile, ticksIn } from "../../support/arbitrary-profile.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

function drawn(tree: CallTree): string[] {
  return Array.from(tree.label, (label, node) => {
    const { name } = tree.labels[label];
    return `${" ".repeat(tree.depth[node])}${name} ${tree.total[node]} ${tree.self[node]}`;
  });
}

const profile = new ProfileBuilder()
  .add("b;main;f", 5)
  .add("a;main;f", 1)
  .add("a;main;g;f", 2)
  .add("a;main;g", 3)
  .build();

test("stacks are merged under their commands, siblings by name", () => {
  assert.deepEqual(drawn(callTree(profile, { order: "name" })), [
    "all 11 0",
    " a 6 0",
    "  main 6 0",
    "   f 1 1",
    "   g 5 3",
    "    f 2 2",
    " b 5 0",
    "  main 5 0",
    "   f 5 5",
  ]);
});

test("or the heaviest first", () => {
  const lines = drawn(callTree(profile, { order: "heaviest-first" }));
  assert.deepEqual(lines.slice(3, 6), ["   g 5 3", "    f 2 2", "   f 1 1"]);
});

test("a profile without samples is one node", () => {
  assert.deepEqual(drawn(callTree(new ProfileBuilder().build(), { order: "name" })), ["all 0 0"]);
});

test("for any profile, totals are self plus children, sizes nest, and no two siblings are alike", () => {
  fc.assert(
    fc.property(arbitraryProfile, fc.constantFrom("name", "heaviest-first"), (arbitrary, order) => {
      const tree = callTree(arbitrary, { order });
      assert.equal(tree.total[0], ticksIn(arbitrary));
      assert.equal(tree.size[0], tree.length);
      for (let node = 0; node < tree.length; node++) {
        const end = node + tree.size[node];
        const seen = new Set<number>();
        let total = tree.self[node];
        let child = node + 1;
        for (; child < end; child += tree.size[child]) {
          assert.equal(tree.depth[child], tree.depth[node] + 1);
          assert.ok(!seen.has(tree.label[child]));
          seen.add(tree.label[child]);
          total += tree.total[child];
        }
        assert.equal(child, end);
        assert.equal(total, tree.total[node]);
      }
    }),
  );
});

test("the tree grows past what the stacks promised", () => {
  const builder = new ProfileBuilder();
  const frames = Array.from({ length: 5000 }, (_, i) => builder.location([`f${i}`], "/a", "native"));
  for (const frame of frames) builder.addFrames("a", [frame], 1);
  const tree = callTree(builder.build(), { order: "name" });
  assert.equal(tree.length, 5002);
});

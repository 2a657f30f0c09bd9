import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { IDENTITY_LABELS, type LabelOptions, labelsOf, nodeLabels } from "#src/labels/labels.js";
import { parseTags } from "#src/labels/tags.js";
import type { Owner } from "#src/model/owner.js";
import { ID, makeOwner, podOwner, UID } from "../../support/owners.js";

const options: LabelOptions = { node: "node-0", podLabels: [], podAnnotations: [], tags: new Map() };

function lines(owner: Owner, its: Partial<LabelOptions> = {}): string[] {
  return [...labelsOf(owner, { ...options, ...its })].map(([name, value]) => `${name}=${value}`);
}

describe("the labels", () => {
  it("of a pod's container", () => {
    assert.deepEqual(lines(podOwner()), [
      "node=node-0",
      "namespace=shop",
      "pod=cart-7d9f-x2x4q",
      "container=app",
      "workload_kind=Deployment",
      "workload=cart",
      "image=registry:5000/cart:1.4",
      `container_id=${ID}`,
      `pod_uid=${UID}`,
    ]);
  });

  it("of a container whose pod only the runtime tells", () => {
    const { container } = podOwner();
    assert.deepEqual(lines(makeOwner({ container, containerId: ID, podUid: UID })), [
      "node=node-0",
      "namespace=shop",
      "pod=cart-7d9f-x2x4q",
      "container=app",
      "image=registry:5000/cart:1.4",
      `container_id=${ID}`,
      `pod_uid=${UID}`,
    ]);
  });

  it("of a container that nobody knows, of a unit, of nothing", () => {
    assert.deepEqual(lines(makeOwner({ containerId: ID })), ["node=node-0", `container_id=${ID}`]);
    assert.deepEqual(lines(makeOwner({ unit: "nginx.service" })), ["node=node-0", "unit=nginx.service"]);
    assert.deepEqual(lines(makeOwner()), ["node=node-0"]);
  });

  it("have the pod's chosen ones in the order of the choice, then the tags", () => {
    const owner = podOwner({
      labels: { app: "cart", "app.kubernetes.io/part-of": "shop", secret: "x" },
      annotations: { team: "blue\nsquad", "too/long": "z".repeat(999) },
      containers: [],
    });
    const chosen = lines(owner, {
      podLabels: ["app.kubernetes.io/part-of", "app", "missing", "constructor"],
      podAnnotations: ["team", "too/long"],
      tags: new Map([["dc", "eu:1"]]),
    });
    assert.deepEqual(chosen.slice(-5), [
      "pod_label.app.kubernetes.io/part-of=shop",
      "pod_label.app=cart",
      "pod_annotation.team=blue squad",
      `pod_annotation.too/long=${"z".repeat(200)}`,
      "dc=eu:1",
    ]);
  });

  it("of the host are the node and the tags", () => {
    assert.deepEqual(
      [...nodeLabels({ ...options, tags: new Map([["dc", "eu"]]) })],
      [
        ["node", "node-0"],
        ["dc", "eu"],
      ],
    );
  });
});

describe("tags", () => {
  const parsed = (text: string): string => {
    const { tags, defaults } = parseTags(text);
    const named = Object.entries(defaults).filter(([, value]) => value !== "");
    return [...named.map(([key, value]) => `default ${key}=${value}`), ...[...tags].map((tag) => tag.join("="))].join(
      "; ",
    );
  };
  const good: [string, string][] = [
    ["", ""],
    ["dc:eu", "dc=eu"],
    ["dc:eu,team:blue squad", "dc=eu; team=blue squad"],
    [" dc : eu , ,url:http://a:1/b ", "dc=eu; url=http://a:1/b"],
    ["dc:eu,dc:us", "dc=us"],
    ["service:shop,env:prod,version:1,host:h", "default service=shop; default env=prod; default version=1; host=h"],
    ["env:prod team:blue", "default env=prod; team=blue"],
    ["team:blue squad", "team=blue squad"],
    ["k8s.io/part-of:x", "k8s.io/part-of=x"],
  ];
  for (const [text, expected] of good) it(`"${text}" are ${expected}`, () => assert.equal(parsed(text), expected));

  const bad: [string, RegExp][] = [
    ["dc", /^has the tag "dc"; write key:value/],
    ["dc:", /^has the tag "dc:"; write key:value/],
    [":eu", /^has the tag ":eu"; write key:value/],
    ["1dc:eu", /write key:value, the key of letters/],
    ["a b:eu,c:d", /^has the tag "a b:eu"/],
    ["dc:eu,\u001b[2J", /^has the tag " \[2J"/],
    ["node:other", /^has the tag "node:other"; "node" is hostflame's own label, name yours otherwise$/],
    ["dc:eu,pod_uid:x", /"pod_uid" is hostflame's own label/],
    [Array.from({ length: 101 }, (_, index) => `t${index}:x`).join(","), /^has 101 tags; at most 100 are accepted$/],
  ];
  for (const [text, message] of bad) {
    it(`"${text.slice(0, 30)}" are refused`, () => assert.throws(() => parseTags(text), { message }));
  }

  it("of any text are tags or one sentence, and never tell whose a profile is", () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom(":", ",", "node:", "dc:", ...IDENTITY_LABELS));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        let tags: ReadonlyMap<string, string>;
        try {
          ({ tags } = parseTags(pieces.join("")));
        } catch (error) {
          assert.match((error as Error).message, /^has (the tag|\d+ tags)/);
          return;
        }
        const labels = labelsOf(podOwner(), { ...options, tags });
        assert.deepEqual([...labels].slice(0, 9), [...labelsOf(podOwner(), options)]);
      }),
    );
  });
});

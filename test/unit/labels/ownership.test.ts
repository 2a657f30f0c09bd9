import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { Ownership } from "#src/labels/ownership.js";
import type { SelectionOptions } from "#src/labels/policy.js";
import type { CgroupId, CgroupPath } from "#src/model/cgroup.js";
import { FakeNode, ID, identify, makeContainer, makePod, podPath, selection, UID } from "../../support/owners.js";

const CGROUP = 7n as CgroupId;
const PATH = podPath(7n, UID, ID);
const OTHER_ID = "b".repeat(64);
const OTHER_UID = "99999999-1111-4222-8333-444455556666";

let node: FakeNode;
let policies: string[];

function ownershipOf(options: Partial<SelectionOptions> = {}, withPods = true): Ownership {
  const pods = withPods ? node.podSource : undefined;
  const ownership = new Ownership(selection(options), { identifyCgroup: identify, containers: node.directory, pods });
  ownership.onPolicy((id, { divisor, redact }) => policies.push(`${id}: ${divisor}${redact ? "*" : ""}`));
  return ownership;
}

/** Namespace, pod, container of the pod, container of the runtime, id, pod uid. */
function told(ownership: Ownership, id = CGROUP): string {
  const { pod, podContainer, container, containerId, podUid } = ownership.owner(id);
  return [
    pod && `${pod.namespace}/${pod.name}`,
    podContainer?.name,
    container?.name,
    containerId?.slice(0, 1),
    podUid?.slice(0, 1),
  ]
    .map((word) => word ?? "-")
    .join(" ");
}

beforeEach(() => {
  node = new FakeNode();
  policies = [];
});

describe("an owner", () => {
  it("becomes known as the news comes, in any order", () => {
    const ownership = ownershipOf();
    assert.equal(told(ownership), "- - - - -", "before its sight");
    ownership.cgroupSighted(PATH);
    assert.equal(told(ownership), "- - - a 0");
    node.setPod(makePod());
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q app - a 0");
    node.setContainer(makeContainer());
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q app app a 0");
    assert.deepEqual(ownership.counts(), { podAndContainer: 1, pod: 0, container: 0, ids: 0, unit: 0, none: 0 });

    const other = ownershipOf();
    node.pods.clear();
    other.cgroupSighted(PATH);
    assert.equal(told(other), "- - app a 0");
    assert.equal(other.counts().container, 1);
    node.setPod(makePod());
    assert.equal(told(other), "shop/cart-7d9f-x2x4q app app a 0");
    assert.equal(other.contradictions, 0);
  });

  it("is asked for again at each window while something is missing", () => {
    const ownership = ownershipOf();
    ownership.cgroupSighted(PATH);
    // Without a change being told: a lookup of the directory's own that came back.
    node.containers.set(ID, makeContainer());
    assert.equal(told(ownership), "- - app a 0");
    node.pods.set(UID, makePod());
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q app app a 0");
    const asked = node.asked.length;
    told(ownership);
    assert.equal(node.asked.length, asked, "and no more when all is known");
  });

  it("has its pod by the container's id where the path tells no pod", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    ownership.cgroupSighted({ ...PATH, names: ["docker", ID] });
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q app - a 0");
  });

  it("has its pod by the runtime's word where nothing else tells", () => {
    const ownership = ownershipOf();
    node.setContainer(makeContainer());
    ownership.cgroupSighted({ ...PATH, names: ["docker", ID] });
    assert.equal(told(ownership), "- - app a 0");
    node.setPod(makePod({ containers: [] }));
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q - app a 0");
    assert.equal(ownership.contradictions, 0);
  });

  it("may be a static pod, which has two uids", () => {
    const ownership = ownershipOf();
    const hash = "0123456789abcdef0123456789abcdef";
    node.setContainer(makeContainer({ pod: { uid: hash, namespace: "shop", name: "cart-7d9f-x2x4q" } }));
    ownership.cgroupSighted(podPath(7n, hash, ID));
    node.setPod(makePod({ annotations: { "kubernetes.io/config.hash": hash } }));
    assert.equal(told(ownership), `shop/cart-7d9f-x2x4q app app a ${UID[0]}`);
    assert.equal(ownership.contradictions, 0);
  });

  it("may be the pod's sandbox, which is none of its containers", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    node.setContainer(makeContainer({ id: OTHER_ID, name: "", sandbox: true }));
    ownership.cgroupSighted(podPath(7n, UID, OTHER_ID));
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q -  b 0");
    assert.equal(ownership.contradictions, 0);
  });

  it("may be a new container that the API has not told of yet", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    node.setContainer(makeContainer({ id: OTHER_ID, name: "debugger" }));
    ownership.cgroupSighted(podPath(7n, UID, OTHER_ID));
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q - debugger b 0");
    assert.equal(ownership.contradictions, 0);
  });

  it("may be restarted in its pod: another cgroup, the same name", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    ownership.cgroupSighted(PATH);
    node.setContainer(makeContainer({ id: OTHER_ID }));
    ownership.cgroupSighted(podPath(8n, UID, OTHER_ID));
    assert.equal(told(ownership, 8n as CgroupId), "shop/cart-7d9f-x2x4q app app b 0");
  });

  it("may be the host's, also at a depth of which not all is told", () => {
    const ownership = ownershipOf();
    ownership.cgroupSighted({ id: CGROUP, names: ["system.slice", "nginx.service"], truncated: false });
    ownership.cgroupSighted({ id: 8n as CgroupId, names: ["user.slice", "deep.service", "x"], truncated: true });
    ownership.cgroupSighted({ id: 9n as CgroupId, names: [], truncated: false });
    const units = [7n, 8n, 9n].map((id) => ownership.owner(id as CgroupId).unit);
    assert.deepEqual(units, ["nginx.service", "deep.service", undefined]);
    assert.deepEqual(ownership.counts(), { podAndContainer: 0, pod: 0, container: 0, ids: 0, unit: 2, none: 1 });
  });

  it("of a container's own deep cgroups is the container's", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    ownership.cgroupSighted({
      ...PATH,
      names: [...PATH.names, ...Array.from({ length: 12 }, () => "x")],
      truncated: true,
    });
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q app - a 0");
  });

  it("may be anybody's at a depth beyond all reason: sampled where all are", () => {
    const lost: CgroupPath = { id: CGROUP, names: [], truncated: true };
    ownershipOf().cgroupSighted(lost);
    ownershipOf({ excludeNamespaces: ["bank"] }).cgroupSighted(lost);
    ownershipOf({ mode: "opt-in" }).cgroupSighted(lost);
    assert.deepEqual(policies, ["7: 1", "7: 0", "7: 0"]);
  });
});

describe("a contradiction", () => {
  it("between path and runtime is decided for the runtime, and counted once", () => {
    const ownership = ownershipOf();
    node.setPod(makePod({ containers: [] }));
    node.setPod(makePod({ uid: OTHER_UID, name: "other", containers: [] }));
    node.setContainer(makeContainer({ pod: { uid: OTHER_UID, namespace: "shop", name: "other" } }));
    ownership.cgroupSighted(PATH);
    assert.equal(told(ownership), "shop/other - app a 9");
    node.setPod(makePod({ containers: [], labels: { a: "b" } }));
    assert.equal(told(ownership), "shop/other - app a 9");
    assert.equal(ownership.contradictions, 1);
  });

  it("with a runtime that names a pod the API does not know leaves the runtime's word", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    node.setContainer(makeContainer({ pod: { uid: OTHER_UID, namespace: "bank", name: "vault" } }));
    ownership.cgroupSighted(PATH);
    const { pod, container, podUid } = ownership.owner(CGROUP);
    assert.deepEqual([pod, container?.pod?.name, podUid], [undefined, "vault", OTHER_UID]);
    assert.equal(ownership.contradictions, 1);
  });

  it("between path and container id leaves no pod until the runtime tells", () => {
    const ownership = ownershipOf();
    node.setPod(makePod({ containers: [] }));
    node.setPod(makePod({ uid: OTHER_UID, name: "other" }));
    ownership.cgroupSighted(PATH);
    assert.equal(told(ownership), "- - - a -");
    node.setContainer(makeContainer());
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q - app a 0");
    assert.equal(ownership.contradictions, 1);
  });

  it("with a container that is none of the pod's, by id or by name, leaves no pod", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    node.setContainer(makeContainer({ id: OTHER_ID, name: "stranger", pod: undefined }));
    ownership.cgroupSighted(podPath(7n, UID, OTHER_ID));
    assert.equal(told(ownership), "- - stranger b -");
    assert.equal(ownership.contradictions, 1);
  });

  it("is none where a container names a cgroup of its own after a neighbour", () => {
    const ownership = ownershipOf();
    // The neighbour is known, the container itself not yet to anybody but the API.
    node.setPod(makePod());
    node.setPod(
      makePod({
        uid: OTHER_UID,
        name: "victim",
        containers: [{ kind: "container", name: "v", ids: [OTHER_ID], image: "" }],
      }),
    );
    ownership.cgroupSighted(podPath(7n, UID, ID, OTHER_ID));
    assert.equal(told(ownership), "shop/cart-7d9f-x2x4q app - a 0");
  });
});

describe("a policy", () => {
  const annotated = (value: string) => makePod({ annotations: { "hostflame.io/profile": value } });

  it("is told at a cgroup's sight, and whenever it changes, at once", () => {
    const ownership = ownershipOf();
    ownership.cgroupSighted(PATH);
    node.setContainer(makeContainer());
    node.setPod(makePod());
    assert.deepEqual(policies, ["7: 1"]);
    node.setPod(annotated("false"));
    assert.deepEqual(policies, ["7: 1", "7: 0"]);
    node.setPod(makePod({ annotations: { "hostflame.io/frequency": "33" } }));
    assert.deepEqual(policies, ["7: 1", "7: 0", "7: 3"]);
    node.setPod(makePod());
    assert.deepEqual(policies, ["7: 1", "7: 0", "7: 3", "7: 1"]);
    assert.deepEqual(ownership.policy(CGROUP), { divisor: 1, redact: false });
  });

  it("is of all cgroups of the pod, and of no other", () => {
    const ownership = ownershipOf();
    node.setPod(makePod());
    for (const id of [7n, 8n]) ownership.cgroupSighted(podPath(id, UID, id === 7n ? ID : OTHER_ID));
    ownership.cgroupSighted(podPath(9n, OTHER_UID, "c".repeat(64)));
    policies = [];
    node.setPod(annotated("false"));
    assert.deepEqual(policies.sort(), ["7: 0", "8: 0"]);
    assert.deepEqual([...ownership.refusals()], [["opted-out", 2]]);
  });

  it("reaches a cgroup that is known by its container's id alone", () => {
    const ownership = ownershipOf();
    ownership.cgroupSighted({ ...PATH, names: ["docker", ID] });
    node.setPod(annotated("false"));
    assert.deepEqual(policies, ["7: 1", "7: 0"]);
  });

  it("in mode opt-in waits for the pod", () => {
    const ownership = ownershipOf({ mode: "opt-in", host: false });
    ownership.cgroupSighted(PATH);
    assert.equal(ownership.reading(CGROUP), "nothing");
    node.setPod(annotated("true"));
    assert.deepEqual(policies, ["7: 0", "7: 1"]);
    assert.equal(ownership.reading(CGROUP), "context");
  });

  it("of a namespace that is not known yet is decided when the window ends", () => {
    const ownership = ownershipOf({ excludeNamespaces: ["shop"] });
    ownership.cgroupSighted(PATH);
    assert.deepEqual(policies, ["7: 1"]);
    assert.equal(ownership.decisionAtLast(CGROUP).refusal, "unknown");
    node.setContainer(makeContainer());
    assert.deepEqual(policies, ["7: 1", "7: 0"], "the runtime knows the namespace too");
    assert.equal(ownership.decisionAtLast(CGROUP).refusal, "namespace");
  });

  it("is told again when the kernel side forgot the cgroup, and of live containers that is prevented", () => {
    const ownership = ownershipOf();
    ownership.cgroupSighted(PATH);
    ownership.cgroupSighted(podPath(8n, OTHER_UID, OTHER_ID));
    node.setPod(annotated("false"));
    assert.deepEqual([...ownership.withPolicyOfTheirOwn()], [CGROUP]);
    policies = [];
    ownership.cgroupSighted(PATH);
    assert.deepEqual(policies, ["7: 0"]);
    // The pod is deleted, and forgotten by its source: nobody knows the container any more.
    node.pods.clear();
    assert.deepEqual([...ownership.withPolicyOfTheirOwn()], []);
  });

  it("says what of a process may be read", () => {
    const ownership = ownershipOf({ redactNamespaces: ["bank"] });
    ownership.cgroupSighted(PATH);
    assert.equal(ownership.reading(CGROUP), "nothing", "it may be the redacted namespace");
    node.setPod(makePod());
    assert.equal(ownership.reading(CGROUP), "context");
    node.setPod(makePod({ labels: { "tags.datadoghq.com/service": "x" } }));
    assert.equal(ownership.reading(CGROUP), "variables");
    node.setPod(makePod({ namespace: "bank" }));
    assert.equal(ownership.reading(CGROUP), "nothing");
    assert.equal(ownership.reading(99n as CgroupId), "nothing", "never announced: anybody's");
  });

  it("of a mistaken annotation is said once", () => {
    const ownership = ownershipOf();
    const said: string[] = [];
    ownership.onMistake(({ message }) => said.push(message));
    ownership.cgroupSighted(PATH);
    for (let count = 0; count < 3; count++) node.setPod(annotated("perhaps"));
    assert.equal(said.length, 1);
    assert.deepEqual([...ownership.mistakes], [["hostflame.io/profile", 1]]);
    node.setPod(annotated("never"));
    assert.equal(said.length, 2);
  });

  it("needs no API server where all are sampled, and names come from the runtime", () => {
    const ownership = ownershipOf({}, false);
    node.setContainer(makeContainer());
    ownership.cgroupSighted(PATH);
    assert.equal(told(ownership), "- - app a 0");
    assert.deepEqual(policies, ["7: 1"]);
  });
});

describe("news", () => {
  it("in any order, any number of times, leaves what the same news leaves at once", () => {
    const uids = [UID, OTHER_UID];
    const ids = [ID, OTHER_ID, "c".repeat(64)];
    const pod = fc
      .record({
        uid: fc.constantFrom(...uids),
        namespace: fc.constantFrom("shop", "bank"),
        name: fc.constantFrom("x", "y"),
        id: fc.constantFrom(...ids),
        profile: fc.constantFrom("true", "false", "maybe"),
      })
      .map(({ uid, namespace, name, id, profile }) =>
        makePod({
          uid,
          namespace,
          name,
          annotations: { "hostflame.io/profile": profile },
          containers: [{ kind: "container", name: "app", ids: [id], image: "" }],
        }),
      );
    const reference = fc.record({
      uid: fc.constantFrom(...uids),
      namespace: fc.constantFrom("shop", "bank"),
      name: fc.constantFrom("x", "y"),
    });
    const container = fc
      .record({ id: fc.constantFrom(...ids), pod: fc.option(reference, { nil: undefined }) })
      .map((its) => makeContainer(its));
    const path = fc
      .tuple(fc.constantFrom(...uids), fc.subarray(ids, { minLength: 1 }))
      .map(([uid, its]) => podPath(7n, uid, ...its));
    const news = fc.array(fc.oneof(pod, container), { maxLength: 12 });
    fc.assert(
      fc.property(path, news, fc.constantFrom("all" as const, "opt-in" as const), (its, events, mode) => {
        node = new FakeNode();
        policies = [];
        const ownership = ownershipOf({ mode });
        ownership.cgroupSighted(its);
        for (const event of events) {
          if ("runtime" in event) node.setContainer(event);
          else node.setPod(event);
        }
        const late = ownershipOf({ mode });
        late.cgroupSighted(its);
        assert.deepEqual(ownership.owner(CGROUP), late.owner(CGROUP));
        assert.deepEqual(ownership.policy(CGROUP), late.policy(CGROUP));
        assert.equal(policies.at(-1), `7: ${late.policy(CGROUP).divisor}`);
        // Never a wrong label: where the runtime names a pod, no other one is told.
        const { container: known, pod: theirPod } = ownership.owner(CGROUP);
        if (known?.pod !== undefined && theirPod !== undefined) {
          assert.equal(`${theirPod.namespace}/${theirPod.name}`, `${known.pod.namespace}/${known.pod.name}`);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("another selection", () => {
  it("decides each cgroup anew in the same turn, and tells those whose policy is another one", () => {
    const ownership = ownershipOf();
    node.setPod(makePod({ namespace: "shop" }));
    node.setPod(makePod({ uid: OTHER_UID, namespace: "bank", name: "till", containers: [] }));
    ownership.cgroupSighted(PATH);
    ownership.cgroupSighted(podPath(8n, OTHER_UID, OTHER_ID));
    ownership.cgroupSighted({ id: 9n as CgroupId, names: ["user.slice"], truncated: false });
    ownership.cgroupSighted({ id: 10n as CgroupId, names: [], truncated: true });
    assert.deepEqual(policies.splice(0), ["7: 1", "8: 1", "9: 1", "10: 1"]);
    ownership.setSelection(selection({ excludeNamespaces: ["bank"], redactNamespaces: ["shop"] }));
    assert.deepEqual(policies.splice(0), ["7: 1*", "8: 0", "10: 0*"]);
    assert.deepEqual(
      [...ownership.refusals()],
      [
        ["namespace", 1],
        ["unknown", 1],
      ],
    );
    assert.equal(ownership.decisionAtLast(8n as CgroupId).refusal, "namespace", "what was sampled before, too");
    ownership.setSelection(selection({ host: false }));
    assert.deepEqual(policies.splice(0), ["7: 1", "8: 1", "9: 0", "10: 0"]);
  });

  it("leaves what an ownership has that began with it", () => {
    const namespaces = fc.subarray(["shop", "bank", ""]);
    const options = fc.record({
      mode: fc.constantFrom("all" as const, "opt-in" as const),
      host: fc.boolean(),
      includeNamespaces: namespaces,
      excludeNamespaces: namespaces,
      redactNamespaces: namespaces,
    });
    const paths = [
      PATH,
      podPath(8n, OTHER_UID, OTHER_ID),
      { id: 9n as CgroupId, names: ["user.slice"], truncated: false },
      { id: 10n as CgroupId, names: [], truncated: true },
    ];
    fc.assert(
      fc.property(fc.array(options, { minLength: 1, maxLength: 4 }), fc.boolean(), (all, isKnown) => {
        node = new FakeNode();
        policies = [];
        if (isKnown) node.setPod(makePod({ annotations: { "hostflame.io/frequency": "19" } }));
        const ownership = ownershipOf(all[0]);
        for (const path of paths) ownership.cgroupSighted(path);
        for (const each of all.slice(1)) ownership.setSelection(selection(each));
        const told = new Map(policies.map((policy) => [policy.split(":")[0], policy]));
        policies = [];
        const fresh = ownershipOf(all.at(-1));
        for (const path of paths) fresh.cgroupSighted(path);
        for (const { id } of paths) {
          assert.deepEqual(ownership.policy(id), fresh.policy(id));
          assert.deepEqual(ownership.decisionAtLast(id), fresh.decisionAtLast(id));
        }
        assert.deepEqual([...told.values()], policies);
        assert.deepEqual(ownership.refusals(), fresh.refusals());
      }),
    );
  });
});

describe("memory", () => {
  it("is given back for cgroups that are gone, and bounded for those that are not", () => {
    const ownership = ownershipOf();
    for (let id = 1n; id <= 8200n; id++) ownership.cgroupSighted(podPath(id, UID, ID));
    assert.equal(ownership.forgottenForRoom, 8);
    assert.equal(ownership.counts().ids, 8192);
    assert.equal(ownership.owner(1n as CgroupId).containerId, undefined);
    ownership.forget((id) => id % 2n === 0n);
    assert.equal(ownership.counts().ids, 4096);
    ownership.forget(() => false);
    policies = [];
    node.setPod(makePod({ annotations: { "hostflame.io/profile": "false" } }));
    assert.deepEqual(policies, []);
  });

  it("of 250 pods that change at once takes milliseconds", () => {
    const ownership = ownershipOf();
    const uid = (index: number) => `pod${index}`;
    const id = (index: number) => index.toString(16).padStart(64, "0");
    for (let index = 0; index < 1000; index++) {
      ownership.cgroupSighted(podPath(BigInt(index), uid(index % 250), id(index)));
    }
    const start = performance.now();
    for (let index = 0; index < 250; index++) node.setPod(makePod({ uid: uid(index), containers: [] }));
    const tookMs = performance.now() - start;
    assert.ok(tookMs < 1000, `${tookMs} ms`);
    assert.equal(ownership.counts().pod, 1000);
  });
});

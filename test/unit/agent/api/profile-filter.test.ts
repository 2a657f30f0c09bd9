import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { matches, mayMatch } from "#src/agent/api/profile-filter.js";
import { refusedTarget, type TargetSources } from "#src/agent/api/refused-target.js";
import type { SelectionOptions } from "#src/labels/policy.js";
import type { Pod } from "#src/model/pod.js";
import { ID, makeContainer, makeOwner, makePod, podOwner, UID } from "../../../support/owners.js";

const ANY = { namespace: undefined, pod: undefined, container: undefined, pid: undefined };
const POD = "cart-7d9f-x2x4q";

describe("samples of an owner", () => {
  const whole = podOwner();
  const host = makeOwner({ unit: "nginx.service" });
  const idsOnly = makeOwner({ containerId: ID, podUid: UID });
  const noPod = makeOwner({ containerId: ID, container: makeContainer({ pod: undefined, name: "db" }) });

  for (const [name, filter, expected] of [
    ["anything", {}, [true, true, true, true]],
    ["its namespace", { namespace: "shop" }, [true, false, true, true]],
    ["its pod", { namespace: "shop", pod: POD }, [true, false, true, true]],
    ["its container", { container: "app" }, [true, false, true, false]],
    ["its container's id", { container: ID }, [true, false, true, true]],
    ["the start of that", { container: ID.slice(0, 12) }, [true, false, true, true]],
    ["too short a start", { container: ID.slice(0, 11) }, [false, false, true, false]],
    ["another pod", { pod: "cart-7d9f-x2x4" }, [false, false, true, true]],
    ["another namespace", { namespace: "jobs", pod: POD }, [false, false, true, true]],
    ["another container of it", { pod: POD, container: "db" }, [false, false, true, true]],
  ] as const) {
    it(`may be what is asked for by ${name}`, () => {
      const filters = { ...ANY, ...filter };
      assert.deepEqual(
        [whole, host, idsOnly, noPod].map((owner) => mayMatch(filters, owner)),
        expected,
      );
    });
  }

  it("are what is asked for once their labels say so", () => {
    const labels = new Map([
      ["namespace", "shop"],
      ["pod", POD],
      ["container", "app"],
      ["container_id", ID],
      ["service", "cart"],
    ]);
    assert.ok(matches(ANY, labels));
    assert.ok(matches({ ...ANY, namespace: "shop", pod: POD, container: "app", service: "cart" }, labels));
    assert.ok(matches({ ...ANY, container: ID.slice(0, 20) }, labels));
    assert.ok(!matches({ ...ANY, service: "shop" }, labels));
    assert.ok(
      !matches({ ...ANY, pod: POD }, new Map([["namespace", "shop"]])),
      "what is merged with others' is nobody's",
    );
  });
});

describe("whom nobody need wait for", () => {
  const selection: SelectionOptions = {
    ...{
      mode: "all",
      includeNamespaces: [],
      excludeNamespaces: ["kube-system"],
      podSelector: [],
      redactNamespaces: [],
    },
    host: true,
    frequencyHz: 19,
  };
  function sourcesOf(pods: readonly Pod[] | undefined, its: Partial<SelectionOptions> = {}): TargetSources {
    const watched = pods && { health: { state: "synced", pods: pods.length } as const, all: () => pods };
    return { node: "node-7", pods: watched, selection: { ...selection, ...its } };
  }
  const ask = (filter: object, sources: TargetSources) => refusedTarget({ ...ANY, ...filter }, sources);

  it("is a process that is not there", () => {
    assert.equal(ask({ pid: process.pid }, sourcesOf(undefined)), undefined);
    assert.deepEqual(ask({ pid: 4_194_304 }, sourcesOf(undefined)), {
      status: 404,
      sentence: "There is no process 4194304 on node node-7.",
    });
  });

  it("is a pod of another node", () => {
    const sources = sourcesOf([makePod()]);
    assert.equal(ask({ pod: POD }, sources), undefined);
    assert.equal(ask({ pod: POD, namespace: "shop", container: "app" }, sources), undefined);
    assert.deepEqual(ask({ pod: "cart-0", namespace: "shop" }, sources), {
      status: 404,
      sentence: "There is no pod shop/cart-0 on node node-7: ask the agent of its own node.",
    });
    assert.equal(ask({ pod: POD, namespace: "jobs" }, sources)?.status, 404);
    assert.match(ask({ pod: POD, container: "web" }, sources)?.sentence ?? "", /has no container web: it has app\.$/);
  });

  it("is not a namespace, which is on other nodes too", () => {
    assert.equal(ask({ namespace: "jobs" }, sourcesOf([])), undefined);
  });

  it("is nobody where pods are not known", () => {
    assert.equal(ask({ pod: POD }, sourcesOf(undefined)), undefined);
    const starting: TargetSources = { ...sourcesOf([]), pods: { health: { state: "starting" }, all: () => [] } };
    assert.equal(ask({ pod: POD }, starting), undefined);
  });

  it("is a pod that must not be sampled", () => {
    const out = makePod({ annotations: { "hostflame.io/profile": "false" } });
    assert.deepEqual(ask({ pod: POD }, sourcesOf([out])), {
      status: 403,
      sentence: `Pod ${POD} is not sampled: it opted out by its annotation hostflame.io/profile.`,
    });
    assert.match(ask({ pod: POD }, sourcesOf([makePod()], { mode: "opt-in" }))?.sentence ?? "", /did not opt in/);
    const system = makePod({ namespace: "kube-system" });
    assert.match(ask({ pod: POD }, sourcesOf([system]))?.sentence ?? "", /namespace lists leave it out/);
    assert.equal(ask({ pod: POD }, sourcesOf([system, makePod()])), undefined, "one of two by that name is enough");
  });
});

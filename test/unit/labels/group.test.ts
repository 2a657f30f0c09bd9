import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  DEFAULT_GROUP_LIMITS,
  type GroupOptions,
  type GroupSources,
  groupThreads,
  type ThreadGroups,
} from "#src/labels/group.js";
import { decide, type SelectionOptions } from "#src/labels/policy.js";
import type { CgroupId } from "#src/model/cgroup.js";
import type { Owner } from "#src/model/owner.js";
import type { ProfileThread } from "#src/model/profile.js";
import type { ProcessFacts } from "#src/processes/process-table.js";
import { facts, makeOwner, podOwner, selection } from "../../support/owners.js";

const APP = 1n;
const PROXY = 2n;
const NGINX = 3n;
const HOST = 4n;
const OUT = 5n;
const BANK = 6n;

const owners: Readonly<Record<string, Owner>> = {
  [String(APP)]: podOwner(),
  [String(PROXY)]: podOwner({}, { name: "proxy", id: "b".repeat(64) }),
  [String(NGINX)]: makeOwner({ unit: "nginx.service" }),
  [String(HOST)]: makeOwner(),
  [String(OUT)]: podOwner({ annotations: { "hostflame.io/profile": "false" } }),
  [String(BANK)]: podOwner({ namespace: "bank", workload: undefined }, { name: "vault", id: "c".repeat(64) }),
};

function sources(
  processes: Readonly<Record<number, ProcessFacts>> = {},
  options: Partial<SelectionOptions> = {},
): GroupSources {
  const owner = (cgroup: CgroupId): Owner => owners[String(cgroup)] ?? makeOwner();
  return {
    ownership: { owner, decisionAtLast: (cgroup) => decide(owner(cgroup), selection(options), "at-last") },
    processes: { find: (pid) => processes[pid] },
  };
}

const options: GroupOptions = {
  profiles: "container",
  labels: { node: "node-0", podLabels: [], podAnnotations: [], tags: new Map([["dc", "eu"]]) },
  defaults: { service: "", env: "dev", version: "" },
  ...DEFAULT_GROUP_LIMITS,
};

function thread(pid: number, cgroup: bigint, comm = "main", tid = pid): ProfileThread {
  return { pid, tid, comm, startTimeNs: BigInt(pid), cgroup: cgroup as CgroupId };
}

/** A line for each group: its rows, what it is filed under, and the labels that tell groups apart. */
function lines({ groupOf, groups }: ThreadGroups): string[] {
  return groups.map(({ profile, redact, refusal }, index) => {
    const { service, env, labels } = profile;
    const rows = [...groupOf].flatMap((group, row) => (group === index ? [row] : [])).join(",");
    const owner = ["namespace", "container", "unit"].map((name) => labels.get(name) ?? "-").join("/");
    return `${rows}: ${service} ${env} ${owner}${redact ? " redacted" : ""}${refusal === undefined ? "" : ` refused: ${refusal}`}`;
  });
}

describe("the threads of a window", () => {
  it("are a group for each service of each container", () => {
    const threads = [
      thread(10, APP),
      thread(10, APP, "worker", 11),
      thread(12, APP),
      thread(20, PROXY),
      thread(30, NGINX),
      thread(31, NGINX, "nginx"),
      thread(40, HOST, "make"),
      thread(41, HOST, "cc1"),
      thread(42, HOST, "cc1"),
      thread(43, HOST, "kworker/0:1"),
      thread(44, HOST, "kworker/1:1"),
    ];
    const processes = {
      12: facts({ variables: { DD_SERVICE: "sidekiq" } }),
      41: facts({ executable: "cc1plus" }),
      43: facts({ kernelThread: true }),
      44: facts({ kernelThread: true }),
    };
    assert.deepEqual(lines(groupThreads(threads, sources(processes), options)), [
      "0,1: cart dev shop/app/-",
      "4,5: nginx dev -/-/nginx.service",
      "9,10: kernel dev -/-/-",
      "2: sidekiq dev shop/app/-",
      "3: cart dev shop/proxy/-",
      "6: make dev -/-/-",
      "7: cc1plus dev -/-/-",
      "8: cc1 dev -/-/-",
    ]);
  });

  it("of one process have one name, its first thread's, also when it was gone before it was read", () => {
    const threads = [
      thread(40, HOST, "pool-1", 41),
      thread(40, HOST, "pool-2", 42),
      thread(40, HOST, "java"),
      thread(50, HOST, "pool-1", 51),
    ];
    assert.deepEqual(lines(groupThreads(threads, sources(), options)), [
      "0,1,2: java dev -/-/-",
      "3: pool-1 dev -/-/-",
    ]);
  });

  it("of a pid that was used again are two processes", () => {
    const again = { ...thread(40, HOST, "b"), startTimeNs: 99n };
    assert.deepEqual(lines(groupThreads([thread(40, HOST, "a"), again], sources(), options)), [
      "0: a dev -/-/-",
      "1: b dev -/-/-",
    ]);
  });

  it("that are refused by now are a group of their own for each reason, without an owner", () => {
    const threads = [thread(1, APP), thread(2, OUT), thread(3, BANK), thread(4, OUT)];
    assert.deepEqual(lines(groupThreads(threads, sources({}, { excludeNamespaces: ["bank"] }), options)), [
      "1,3: node-0 dev -/-/- refused: opted-out",
      "0: cart dev shop/app/-",
      "2: node-0 dev -/-/- refused: namespace",
    ]);
  });

  it("that are redacted are named without a word of their process", () => {
    const processes = { 3: facts({ variables: { DD_SERVICE: "secret" }, executable: "secret" }) };
    assert.deepEqual(
      lines(groupThreads([thread(3, BANK)], sources(processes, { redactNamespaces: ["bank"] }), options)),
      ["0: vault dev bank/vault/- redacted"],
    );
  });

  it("are one group where one profile for the host is wanted; what is redacted stays apart", () => {
    const threads = [thread(1, APP), thread(2, HOST), thread(3, BANK), thread(4, OUT)];
    const host: GroupOptions = { ...options, profiles: "host" };
    const [whole, ...others] = groupThreads(threads, sources({}, { redactNamespaces: ["bank"] }), host).groups;
    assert.deepEqual(
      [...whole.profile.labels],
      [
        ["node", "node-0"],
        ["dc", "eu"],
      ],
    );
    assert.equal(whole.profile.service, "node-0");
    assert.deepEqual(
      others.map(({ redact, refusal }) => [redact, refusal]),
      [
        [true, undefined],
        [false, "opted-out"],
      ],
    );
    const named = groupThreads(threads, sources(), { ...host, defaults: { ...options.defaults, service: "fleet" } });
    assert.equal(named.groups[0].profile.service, "fleet");
  });

  it("of a container with too many services share its own, but for the heaviest", () => {
    const count = 200;
    const threads = Array.from({ length: count }, (_, index) => thread(index, index === 100 ? PROXY : APP));
    const processes = Object.fromEntries(
      threads.map(({ pid }) => [pid, facts({ variables: { DD_SERVICE: `s${pid}` } })]),
    );
    const weights = threads.map(({ pid }) => (pid === 150 ? 1000 : 1));
    const grouped = groupThreads(threads, sources(processes), { ...options, maxServices: 3 }, weights);
    assert.deepEqual(
      lines(grouped).map((line) => line.replace(/^[\d,]{30,}/, "many")),
      [
        "150: s150 dev shop/app/-",
        "0: s0 dev shop/app/-",
        "1: s1 dev shop/app/-",
        "many: cart dev shop/app/-",
        "100: s100 dev shop/proxy/-",
      ],
    );
    assert.equal(grouped.mergedByOwner, count - 4);
  });

  it("of too many groups share one for each namespace, and one for the host", () => {
    const threads = [thread(1, APP), thread(2, PROXY), thread(3, BANK), thread(4, HOST, "a"), thread(5, HOST, "b")];
    const grouped = groupThreads(threads, sources(), { ...options, maxGroups: 2 }, [1, 9, 1, 8, 1]);
    assert.deepEqual(lines(grouped), [
      "1: cart dev shop/proxy/-",
      "3: a dev -/-/-",
      "0: other dev shop/-/-",
      "2: other dev bank/-/-",
      "4: other dev -/-/-",
    ]);
    assert.equal(grouped.mergedByNamespace, 3);
  });

  it("of one owner past its limit join the group of its own name where that is kept already", () => {
    const threads = [thread(1, APP), thread(2, APP)];
    const processes = { 2: facts({ variables: { DD_SERVICE: "x" } }) };
    const grouped = groupThreads(threads, sources(processes), { ...options, maxServices: 1 }, [5, 1]);
    assert.deepEqual(lines(grouped), ["0,1: cart dev shop/app/-"]);
  });

  it("are each in one group, of which there is a bounded number, and all rows of a group belong together", () => {
    const row = fc
      .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 7 }), fc.nat(50))
      .map(([pid, cgroup, tid]) => thread(pid, BigInt(cgroup), `c${tid}`, tid));
    const service = fc.option(fc.constantFrom("a", "b", "c", "d"), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 60 }),
        fc.array(service, { minLength: 31, maxLength: 31 }),
        fc.integer({ min: 1, max: 9 }),
        (threads, services, maxGroups) => {
          const processes = Object.fromEntries(
            services.map((name, pid) => [pid, facts(name === undefined ? {} : { variables: { DD_SERVICE: name } })]),
          );
          const { groupOf, groups } = groupThreads(threads, sources(processes), {
            ...options,
            maxGroups,
            maxServices: 2,
          });
          assert.equal(groupOf.length, threads.length);
          // One for each namespace and the host past the limit, and one for each refusal.
          assert.ok(groups.length <= maxGroups + 4);
          threads.forEach(({ cgroup }, index) => {
            const { profile, refusal } = groups[groupOf[index]];
            assert.equal(refusal !== undefined, cgroup === OUT);
            const container = profile.labels.get("container");
            if (container !== undefined) assert.equal(container, owners[String(cgroup)].container?.name);
            const namespace = profile.labels.get("namespace");
            if (namespace !== undefined) assert.equal(namespace, owners[String(cgroup)].pod?.namespace);
          });
        },
      ),
    );
  });

  it("are grouped fast: 20,000 rows in well under a second", () => {
    const threads = Array.from({ length: 20_000 }, (_, index) =>
      thread(index >> 2, BigInt(1 + (index % 4)), `c${index % 90}`, index),
    );
    const start = performance.now();
    groupThreads(threads, sources(), options);
    const tookMs = performance.now() - start;
    assert.ok(tookMs < 1000, `${tookMs} ms`);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Owner } from "#src/model/owner.js";
import { cleanName, MAX_NAME_LENGTH } from "#src/labels/name.js";
import { resourceAttribute } from "#src/labels/resource-attributes.js";
import { isNamedBeforeContext, type NameSources, serviceOf } from "#src/labels/service.js";
import type { ProcessFacts } from "#src/processes/process-table.js";
import { facts, makeOwner, makePod, podOwner } from "../../support/owners.js";

const NO_DEFAULTS = { service: "", env: "", version: "" };

function named(owner: Owner, process?: ProcessFacts, rest: Partial<NameSources> = {}): string {
  const { service, env, version } = serviceOf({ owner, process, executable: "exe", defaults: NO_DEFAULTS, ...rest });
  return [service, env, version].join(" | ");
}

const all = {
  annotations: {
    "hostflame.io/app.service": "1 per container",
    "hostflame.io/service": "2 annotation",
    "hostflame.io/env": "2 env",
    "hostflame.io/version": "2 version",
    "tags.datadoghq.com/app.service": "3 as annotation",
  },
  labels: {
    "tags.datadoghq.com/app.service": "3 per container",
    "tags.datadoghq.com/service": "4 label",
    "tags.datadoghq.com/env": "4 env",
    "tags.datadoghq.com/version": "4 version",
    "app.kubernetes.io/version": "8 version",
  },
};
const spec = { variables: { DD_SERVICE: "6 spec", DD_ENV: "6 env", DD_VERSION: "6 version" } };
const own = facts({
  variables: { DD_SERVICE: "5 process", DD_ENV: "5 env", DD_VERSION: "5 version" },
  context: { service: "7 context", env: "7 env", version: "7 version" },
});

/** Every rule, and what is left when those before it say nothing. */
const order: [string, string, string][] = [
  ["all of them", named(podOwner(all, spec), own), "1 per container | 2 env | 2 version"],
  [
    "no per-container annotation",
    named(podOwner(without("hostflame.io/app.service"), spec), own),
    "2 annotation | 2 env | 2 version",
  ],
  [
    "no annotation of ours",
    named(podOwner(without("hostflame.io/"), spec), own),
    "3 per container | 4 env | 4 version",
  ],
  [
    "Datadog's form as an annotation",
    named(podOwner({ annotations: without("hostflame.io/").annotations }, spec), own),
    "3 as annotation | 5 env | 5 version",
  ],
  [
    "no per-container label",
    named(podOwner({ labels: { ...all.labels, "tags.datadoghq.com/app.service": "" } }, spec), own),
    "4 label | 4 env | 4 version",
  ],
  ["no pod's word", named(podOwner({}, spec), own), "5 process | 5 env | 5 version"],
  ["a silent process", named(podOwner({}, spec), facts({ context: own.context })), "6 spec | 6 env | 6 version"],
  ["no variable anywhere", named(podOwner(), facts({ context: own.context })), "7 context | 7 env | 7 version"],
  [
    "a silent pod",
    named(podOwner({ labels: { "app.kubernetes.io/version": "8 version" } }), facts()),
    "cart |  | 8 version",
  ],
  ["no label of a version", named(podOwner()), "cart |  | 1.4"],
  ["no workload", named(podOwner({ workload: undefined })), "app |  | 1.4"],
  [
    "a static pod, whose owner is the node",
    named(podOwner({ workload: { kind: "Node", name: "node-0" } })),
    "app |  | 1.4",
  ],
  ["a runtime alone", named(makeOwner({ ...podOwner(), pod: undefined, podContainer: undefined })), "app |  | 1.4"],
  ["a container nobody knows", named(makeOwner({ containerId: "x" })), "unknown |  | "],
  ["a service of systemd", named(makeOwner({ unit: "nginx.service" }), facts({ executable: "nginx" })), "nginx |  | "],
  [
    "a service of systemd that says more",
    named(makeOwner({ unit: "shop.service" }), own),
    "5 process | 5 env | 5 version",
  ],
  ["a session", named(makeOwner({ unit: "session-3.scope" })), "exe |  | "],
  ["a virtual machine", named(makeOwner({ unit: "machine-web.scope" })), "machine-web |  | "],
  ["a guest", named(makeOwner({ unit: "lxc.payload.web" })), "lxc.payload.web |  | "],
  ["a command", named(makeOwner(), facts({ executable: "make" })), "exe |  | "],
  ["the kernel", named(makeOwner(), facts({ kernelThread: true })), "kernel |  | "],
  ["nothing at all", named(makeOwner(), undefined, { executable: "" }), "unknown |  | "],
  [
    "nothing but the agent's own",
    named(makeOwner({ containerId: "x" }), undefined, { defaults: { service: "s", env: "e", version: "v" } }),
    "s | e | v",
  ],
];

/** The annotations and labels, less those annotations that begin so. */
function without(prefix: string): Pick<Owner["pod"] & object, "annotations" | "labels"> {
  const annotations = Object.entries(all.annotations).filter(([name]) => !name.startsWith(prefix));
  return { annotations: Object.fromEntries(annotations), labels: all.labels };
}

describe("a service's name, env and version", () => {
  for (const [what, actual, expected] of order) it(`of ${what}`, () => assert.equal(actual, expected));

  it("come from OpenTelemetry's variables where Datadog's are silent", () => {
    const attributes =
      "service.name=attr,service.version=2%2C0,deployment.environment=older,deployment.environment.name=new";
    const otel = (variables: ProcessFacts["variables"]) => named(podOwner(), facts({ variables }));
    assert.equal(otel({ OTEL_RESOURCE_ATTRIBUTES: attributes }), "attr | new | 2,0");
    assert.equal(otel({ OTEL_SERVICE_NAME: "name", OTEL_RESOURCE_ATTRIBUTES: attributes }), "name | new | 2,0");
    assert.equal(otel({ DD_SERVICE: "dd", OTEL_SERVICE_NAME: "name", DD_ENV: "e" }), "dd | e | 1.4");
    assert.equal(otel({ DD_SERVICE: " \t", OTEL_SERVICE_NAME: "name" }), "name |  | 1.4", "an empty one falls through");
  });

  it("are those of each container where the pod says so", () => {
    const pod = makePod({
      labels: { "tags.datadoghq.com/proxy.service": "edge", "tags.datadoghq.com/service": "shop" },
      containers: ["app", "proxy"].map((name) => ({ kind: "container", name, ids: [], image: "" })),
    });
    assert.match(named(podOwner(pod, { name: "proxy" })), /^edge /);
    assert.match(named(podOwner(pod, { name: "app" })), /^shop /);
  });

  it("are not an object's own members", () => {
    const owner = podOwner({}, { name: "constructor" });
    assert.match(named(owner), /^cart /);
  });

  const images: [string, string][] = [
    ["nginx:1.27", "1.27"],
    ["localhost:5000/nginx", ""],
    ["localhost:5000/nginx:1.27@sha256:0123", "1.27"],
    ["nginx@sha256:0123", ""],
    ["nginx:latest", ""],
    ["nginx", ""],
    ["", ""],
    [`sha256:${"0".repeat(64)}`, ""],
  ];
  for (const [image, version] of images) {
    it(`have the version "${version}" of the image "${image.slice(0, 40)}"`, () => {
      const owner = podOwner({ containers: [] }, { image });
      assert.equal(named(owner), `cart |  | ${version}`);
    });
  }

  it("need no context where something above it names the service", () => {
    assert.ok(isNamedBeforeContext(podOwner({ annotations: { "hostflame.io/service": "x" } })));
    assert.ok(isNamedBeforeContext(podOwner({}, spec)));
    assert.ok(!isNamedBeforeContext(podOwner()));
    assert.ok(!isNamedBeforeContext(makeOwner({ unit: "nginx.service" })));
  });

  it("are printable, trimmed, short and never an empty service, whatever anyone says", () => {
    const text = fc.string({ unit: "binary", maxLength: 400 });
    fc.assert(
      fc.property(text, text, text, text, (label, variable, context, workload) => {
        const owner = podOwner({
          labels: { "tags.datadoghq.com/service": label },
          workload: { kind: "X", name: workload },
        });
        const process = facts({
          variables: { OTEL_SERVICE_NAME: variable },
          context: { service: context, env: label, version: "" },
        });
        const identity = serviceOf({ owner, process, executable: workload, defaults: NO_DEFAULTS });
        assert.notEqual(identity.service, "");
        for (const name of Object.values(identity) as string[]) {
          assert.equal(name, cleanName(name));
          assert.ok(name.length <= MAX_NAME_LENGTH && !/[\p{Cc}\p{Surrogate}]/u.test(name) && name.trim() === name);
        }
      }),
    );
  });
});

describe("a name", () => {
  const cases: [string, string][] = [
    ["plain", "plain"],
    ["  both \t\n ends ", "both    ends"],
    ["\u001b[31mred\u0007", "[31mred"],
    ["left\u202eright", "left right"],
    ["\ud800alone", "\ufffdalone"],
    ["ünïcödé 日本", "ünïcödé 日本"],
    ["\u0000", ""],
    ["a".repeat(300), "a".repeat(200)],
    [`${"a".repeat(199)}😀`, "a".repeat(199)],
  ];
  for (const [text, expected] of cases) {
    it(`of ${JSON.stringify(text.slice(0, 20))}`, () => assert.equal(cleanName(text), expected));
  }
});

describe("OTEL_RESOURCE_ATTRIBUTES", () => {
  const cases: [string, string][] = [
    ["service.name=a", "a"],
    [" service.name = a ,b=c", "a"],
    ["service.name=a,service.name=b", "b"],
    ["service.name=50%25", "50%"],
    ["service.name=50% faster", "50% faster"],
    ["service.name=a=b", "a=b"],
    ["service.name", ""],
    ["=a", ""],
    ["", ""],
  ];
  for (const [text, expected] of cases) {
    it(`"${text}" names "${expected}"`, () => assert.equal(resourceAttribute(text, "service.name"), expected));
  }
});

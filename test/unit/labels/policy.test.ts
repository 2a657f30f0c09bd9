import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decide, decideUnknown, type SelectionOptions } from "#src/labels/policy.js";
import { parseSelector } from "#src/labels/selector.js";
import type { Owner } from "#src/model/owner.js";
import { ID, makeContainer, makeOwner, podOwner, selection, UID } from "../../support/owners.js";

const opted = (value: string) => ({ annotations: { "hostflame.io/profile": value } });
/** Owners, from all known to nothing known. */
const owners = {
  pod: podOwner({ labels: { app: "cart" } }),
  out: podOwner({ labels: { app: "cart" }, ...opted("false") }),
  in: podOwner({ labels: { app: "cart" }, ...opted("true") }),
  wrong: podOwner({ labels: { app: "cart" }, ...opted("yes please") }),
  runtime: makeOwner({ containerId: ID, podUid: UID, container: makeContainer() }),
  path: makeOwner({ containerId: ID, podUid: UID }),
  plain: makeOwner({ containerId: ID, container: makeContainer({ pod: undefined }) }),
  host: makeOwner({ unit: "nginx.service" }),
};
type Name = keyof typeof owners;

/** "1" is sampled, "1*" redacted too, else the refusal; two where the window's end says otherwise. */
function decided(owner: Owner, options: Partial<SelectionOptions>): string {
  const one = (time: "by-now" | "at-last"): string => {
    const { policy, refusal } = decide(owner, selection(options), time);
    assert.equal(policy.divisor === 0, refusal !== undefined);
    return `${refusal ?? policy.divisor}${policy.redact ? "*" : ""}`;
  };
  const [now, last] = [one("by-now"), one("at-last")];
  return now === last ? now : `${now}, then ${last}`;
}

const app = parseSelector("app=cart");
const table: [string, Partial<SelectionOptions>, Record<Name, string>][] = [
  [
    "all",
    {},
    { pod: "1", out: "opted-out", in: "1", wrong: "opted-out", runtime: "1", path: "1", plain: "1", host: "1" },
  ],
  [
    "opt-in",
    { mode: "opt-in", host: false },
    {
      pod: "not-opted-in",
      out: "opted-out",
      in: "1",
      wrong: "opted-out",
      runtime: "unknown",
      path: "unknown",
      plain: "not-opted-in",
      host: "host",
    },
  ],
  [
    "without the namespace",
    { excludeNamespaces: ["shop"] },
    {
      pod: "namespace",
      out: "namespace",
      in: "namespace",
      wrong: "namespace",
      runtime: "namespace",
      path: "1, then unknown",
      plain: "1",
      host: "1",
    },
  ],
  [
    "with the namespace only",
    { includeNamespaces: ["shop"] },
    {
      pod: "1",
      out: "opted-out",
      in: "1",
      wrong: "opted-out",
      runtime: "1",
      path: "1, then unknown",
      plain: "namespace",
      host: "1",
    },
  ],
  [
    "in both lists",
    { includeNamespaces: ["shop", "x"], excludeNamespaces: ["shop"] },
    {
      pod: "namespace",
      out: "namespace",
      in: "namespace",
      wrong: "namespace",
      runtime: "namespace",
      path: "1, then unknown",
      plain: "namespace",
      host: "1",
    },
  ],
  [
    "with a selector",
    { podSelector: app },
    {
      pod: "1",
      out: "opted-out",
      in: "1",
      wrong: "opted-out",
      runtime: "1, then unknown",
      path: "1, then unknown",
      plain: "selector",
      host: "1",
    },
  ],
  [
    "with another selector",
    { podSelector: parseSelector("!app") },
    {
      pod: "selector",
      out: "selector",
      in: "selector",
      wrong: "selector",
      runtime: "1, then unknown",
      path: "1, then unknown",
      plain: "1",
      host: "1",
    },
  ],
  [
    "with the namespace redacted",
    { redactNamespaces: ["shop"] },
    {
      pod: "1*",
      out: "opted-out*",
      in: "1*",
      wrong: "opted-out*",
      runtime: "1*",
      path: "1*",
      plain: "1",
      host: "1",
    },
  ],
  [
    "with another namespace redacted",
    { redactNamespaces: ["bank"] },
    { pod: "1", out: "opted-out", in: "1", wrong: "opted-out", runtime: "1", path: "1*", plain: "1", host: "1" },
  ],
  [
    "without the host",
    { host: false },
    { pod: "1", out: "opted-out", in: "1", wrong: "opted-out", runtime: "1", path: "1", plain: "1", host: "host" },
  ],
];

describe("the policy of an owner", () => {
  for (const [what, options, expected] of table) {
    for (const name of Object.keys(owners) as Name[]) {
      it(`${what}: ${name}`, () => assert.equal(decided(owners[name], options), expected[name]));
    }
  }

  const words: [string, string][] = [
    ["true", "1"],
    [" TRUE ", "1"],
    ["False", "opted-out"],
    ["", "opted-out"],
    ["1", "opted-out"],
  ];
  for (const [value, expected] of words) {
    it(`takes hostflame.io/profile: "${value}" for ${expected}`, () => {
      assert.equal(decided(podOwner(opted(value)), {}), expected);
    });
  }

  it("says what a pod got wrong, in one sentence", () => {
    const annotations = { "hostflame.io/profile": "maybe\n", "hostflame.io/frequency": "fast" };
    const { mistakes } = decide(podOwner({ annotations }), selection(), "by-now");
    assert.deepEqual(
      mistakes.map(({ message }) => message),
      [
        'Pod shop/cart-7d9f-x2x4q has hostflame.io/profile: "maybe ", which is neither "true" nor "false", and is taken for "false".',
      ],
    );
    const [mistake] = decide(
      podOwner({ annotations: { "hostflame.io/frequency": "fast" } }),
      selection(),
      "by-now",
    ).mistakes;
    assert.equal(
      mistake.message,
      'Pod shop/cart-7d9f-x2x4q has hostflame.io/frequency: "fast", which is no number of samples a second above 0, and is ignored.',
    );
  });

  /** At 99 Hz. */
  const frequencies: [string, number, boolean][] = [
    ["99", 1, false],
    ["1000", 1, false],
    ["67", 1, false],
    ["49.5", 2, false],
    ["33", 3, false],
    [" 10 ", 10, false],
    ["1", 99, false],
    ["0.001", 255, false],
    ["0", 1, true],
    ["-5", 1, true],
    ["1e3", 1, true],
    ["NaN", 1, true],
    ["", 1, true],
    ["9".repeat(50), 1, true],
  ];
  for (const [value, divisor, isMistake] of frequencies) {
    it(`samples one tick in ${divisor} for hostflame.io/frequency: "${value}"`, () => {
      const owner = podOwner({ annotations: { "hostflame.io/frequency": value } });
      const decision = decide(owner, selection(), "by-now");
      assert.equal(decision.policy.divisor, divisor);
      assert.equal(decision.mistakes.length, isMistake ? 1 : 0);
    });
  }

  it("of what may be anybody's is to sample only where all are", () => {
    const unknown = (options: Partial<SelectionOptions>) => decideUnknown(selection(options));
    assert.equal(unknown({}).refusal, undefined);
    assert.equal(unknown({ redactNamespaces: ["x"] }).policy.redact, true);
    for (const options of [
      { mode: "opt-in" as const },
      { host: false },
      { includeNamespaces: ["x"] },
      { excludeNamespaces: ["x"] },
      { podSelector: app },
    ]) {
      assert.equal(unknown(options).refusal, "unknown");
    }
  });

  it("never samples what the operator's lists exclude, whatever a pod says, and is always of 0 to 255", () => {
    const annotations = fc.record({ "hostflame.io/profile": fc.string(), "hostflame.io/frequency": fc.string() });
    const options = fc.record({
      mode: fc.constantFrom("all" as const, "opt-in" as const),
      frequencyHz: fc.integer({ min: 1, max: 999 }),
    });
    fc.assert(
      fc.property(annotations, options, fc.constantFrom("by-now" as const, "at-last" as const), (its, given, time) => {
        const owner = podOwner({ annotations: its });
        const { divisor } = decide(owner, selection(given), time).policy;
        assert.ok(Number.isInteger(divisor) && divisor >= 0 && divisor <= 255);
        assert.equal(decide(owner, selection({ ...given, excludeNamespaces: ["shop"] }), time).policy.divisor, 0);
      }),
    );
  });
});

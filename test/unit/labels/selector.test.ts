import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { matchesSelector, parseSelector } from "#src/labels/selector.js";

/** The labels of four pods, and which of them each selector of Kubernetes' documentation and tests selects. */
const pods: readonly Readonly<Record<string, string>>[] = [
  { app: "nginx", tier: "frontend", environment: "production" },
  { app: "redis", tier: "backend", environment: "qa", partition: "" },
  { "example.com/role": "x.y-z_1", tier: "frontend" },
  {},
];
const cases: [string, string][] = [
  ["", "0123"],
  ["  ", "0123"],
  ["environment=production", "0"],
  ["environment==production", "0"],
  ["environment = production", "0"],
  ["tier!=frontend", "13"],
  ["environment=production,tier!=frontend", ""],
  ["environment in (production, qa)", "01"],
  ["environment in(production,qa)", "01"],
  ["tier notin (frontend, backend)", "3"],
  ["partition", "1"],
  ["!partition", "023"],
  ["! partition", "023"],
  ["partition,environment notin (qa)", ""],
  ["partition=", "1"],
  ["partition!=", "023"],
  ["partition in ()", "1"],
  ["partition in (,a)", "1"],
  ["app,tier in (frontend),environment=production", "0"],
  ["example.com/role=x.y-z_1", "2"],
  ["in in (in)", ""],
  ["!in,notin notin (notin)", "0123"],
  ["constructor", ""],
];

describe("a label selector", () => {
  for (const [text, expected] of cases) {
    it(`"${text}" selects ${expected === "" ? "none" : expected}`, () => {
      const selector = parseSelector(text);
      const selected = pods.flatMap((labels, index) => (matchesSelector(selector, labels) ? [index] : []));
      assert.equal(selected.join(""), expected);
    });
  }

  const wrong: [string, RegExp][] = [
    ["=a", /"=" is no label's name/],
    ["a=b=c", /"=" stands where a comma should/],
    ["a b", /"b" is no operator/],
    ["a in b", /a "\(" is missing/],
    ["a in (b", /a "\)" is missing/],
    ["a in (b c)", /a "\)" is missing/],
    ["a=b,", /the empty text is no label's name/],
    [",a", /"," is no label's name/],
    ["!", /the empty text is no label's name/],
    ["!a=b", /"=" stands where a comma should/],
    ["a>5", /"a>5" is no label's name/],
    ["-a=b", /"-a" is no label's name/],
    ["a=b-", /"b-" is no label's value/],
    ["Example.com/a=b", /"Example.com\/a" is no label's name/],
    ["a/b/c", /"a\/b\/c" is no label's name/],
    [`${"a".repeat(64)}=b`, /is no label's name/],
    [`a=${"b".repeat(64)}`, /is no label's value/],
    ["a".repeat(5000), /^is longer than 4096 characters/],
  ];
  for (const [text, message] of wrong) {
    it(`"${text.slice(0, 30)}" is refused, with what is accepted`, () => {
      assert.throws(() => parseSelector(text), { message });
      assert.throws(() => parseSelector(text), /accepted are key=value, key!=value, key in \(a,b\)/);
    });
  }

  const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9])?$/);
  const requirement = fc.oneof(
    name,
    name.map((key) => `!${key}`),
    fc.tuple(name, fc.constantFrom("=", "==", "!="), name).map((parts) => parts.join("")),
    fc
      .tuple(name, fc.constantFrom(" in ", " notin "), fc.array(name, { minLength: 1, maxLength: 4 }))
      .map(([key, operator, values]) => `${key}${operator}(${values.join(", ")})`),
  );

  it("selects what all of its requirements select, each by itself", () => {
    const labels = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("", "x", "y"));
    fc.assert(
      fc.property(fc.array(requirement, { minLength: 1, maxLength: 5 }), labels, (requirements, its) => {
        const whole = matchesSelector(parseSelector(requirements.join(",")), its);
        assert.equal(
          whole,
          requirements.every((one) => matchesSelector(parseSelector(one), its)),
        );
      }),
    );
  });

  it("and its opposite never select the same", () => {
    fc.assert(
      fc.property(name, name, fc.dictionary(name, name), (key, value, labels) => {
        const selects = (text: string) => matchesSelector(parseSelector(text), labels);
        assert.notEqual(selects(`${key}=${value}`), selects(`${key}!=${value}`));
        assert.notEqual(selects(key), selects(`!${key}`));
      }),
    );
  });

  it("of any text is a selector or one sentence", () => {
    const piece = fc.oneof(fc.string(), requirement, fc.constantFrom(",", "(", ")", "!", "=", " in ", " notin "));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        try {
          matchesSelector(parseSelector(pieces.join("")), {});
        } catch (error) {
          assert.match((error as Error).message, /^is (no label selector|longer)/);
        }
      }),
    );
  });
});

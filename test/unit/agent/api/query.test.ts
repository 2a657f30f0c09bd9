import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readListQuery, readRecordingQuery } from "#src/agent/api/query.js";

const NOBODY = { namespace: undefined, pod: undefined, container: undefined, pid: undefined };

describe("what is asked to be recorded", () => {
  it("is thirty seconds of everybody unless told, as of a Go program", () => {
    assert.deepEqual(readRecordingQuery(""), { value: { seconds: 30, ...NOBODY } });
  });

  it("is what the parameters say", () => {
    assert.deepEqual(readRecordingQuery("seconds=300&namespace=shop&pod=cart-7d9f-x2x4q&container=app&pid=4194304"), {
      value: { seconds: 300, namespace: "shop", pod: "cart-7d9f-x2x4q", container: "app", pid: 4194304 },
    });
    const id = "0123456789ab".repeat(5);
    assert.deepEqual(readRecordingQuery(`container=${id}&pod=etcd-node.example&seconds=1`), {
      value: { ...NOBODY, seconds: 1, container: id, pod: "etcd-node.example" },
    });
  });

  for (const [query, problem] of [
    ["seconds=0", 'The parameter seconds does not accept "0": it accepts a whole number from 1 to 300.'],
    ["seconds=301", 'The parameter seconds does not accept "301": it accepts a whole number from 1 to 300.'],
    ["seconds=-1", /^The parameter seconds does not accept "-1"/],
    ["seconds=5s", /^The parameter seconds does not accept "5s"/],
    ["seconds=1e2", /seconds does not accept/],
    ["seconds=", /seconds does not accept ""/],
    ["seconds", /seconds does not accept ""/],
    ["seconds=5&seconds=6", "The parameter seconds is there twice: give it once."],
    ["pid=0", /^The parameter pid does not accept "0": it accepts a process id as the host counts, 1 to 4194304/],
    ["pid=4194305", /^The parameter pid does not accept/],
    ["pid=../1", /^The parameter pid does not accept "\.\.\/1"/],
    ["namespace=Shop", /^The parameter namespace does not accept "Shop": it accepts the name of a namespace/],
    ["namespace=", /^The parameter namespace does not accept ""/],
    ["pod=a..b", /^The parameter pod does not accept/],
    [`pod=${"a".repeat(254)}`, /^The parameter pod does not accept "a{60}…"/],
    ["container=%2e%2e", /^The parameter container does not accept "\.\."/],
    ["namespce=shop", 'There is no parameter "namespce": there are seconds, namespace, pod, container, pid.'],
    ["__proto__=1", /^There is no parameter "__proto__"/],
    ["toString=1", /^There is no parameter "toString"/],
    ["a=%1b[31m%0d%0aX: y", /^There is no parameter "a"/],
    ["pid=%1b[31m%0d%0aX: y", /^The parameter pid does not accept " \[31m {2}X: y"/],
  ] as const) {
    it(`is not ${query.slice(0, 40)}`, () => {
      const read = readRecordingQuery(query);
      assert.ok("problem" in read);
      if (typeof problem === "string") assert.equal(read.problem, problem);
      else assert.match(read.problem, problem);
    });
  }

  it("is understood or refused in a sentence, whatever stands there", () => {
    const words = fc.constantFrom(..."seconds namespace pod container pid = & % %00 + 5 ; # a-b ? %ff".split(" "));
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(words).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = readRecordingQuery(text);
        if ("problem" in read) {
          assert.match(read.problem, /^[^\0-\x1f\x7f]+\.$/);
          assert.ok(read.problem.length < 250);
          return;
        }
        const { seconds, pid = 1, namespace = "a", pod = "a", container = "a" } = read.value;
        assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 300);
        assert.ok(Number.isInteger(pid) && pid >= 1 && pid <= 4_194_304);
        for (const name of [namespace, pod, container]) assert.match(name, /^[A-Za-z0-9][\w.-]{0,252}$/);
      }),
      { numRuns: 2000 },
    );
  });

  it("takes no longer for a long text", () => {
    const start = performance.now();
    readRecordingQuery(`pod=${"a-".repeat(4000)}`);
    readRecordingQuery(`pod=${"a.".repeat(4000)}`);
    readRecordingQuery("pod=a&".repeat(1400));
    assert.ok(performance.now() - start < 1000);
  });
});

describe("what is asked to be listed", () => {
  it("is of a service too, and of no process", () => {
    assert.deepEqual(readListQuery("service=my%20shop&namespace=a"), {
      value: { namespace: "a", pod: undefined, container: undefined, service: "my shop" },
    });
    assert.ok("problem" in readListQuery("pid=1"));
    assert.ok("problem" in readListQuery("service=a%0ab"));
  });
});

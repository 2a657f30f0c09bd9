import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { datadogTags, tagOf } from "#src/exporters/encoding/datadog-tags.js";
import { legalLabels } from "#src/exporters/encoding/label-names.js";
import { formOf } from "#src/exporters/encoding/multipart.js";
import { isoTime } from "#src/exporters/encoding/time.js";
import { excerptOf, retryAfterMs } from "#src/exporters/transport/status.js";
import { podProfile } from "../../support/intakes/batches.js";
import { parseForm } from "../../support/intakes/form.js";

describe("a form", () => {
  it("is these bytes", () => {
    const parts = [
      { name: "event", fileName: "event.json", contentType: "application/json", body: Buffer.from("{}") },
      {
        name: "cpu.pprof",
        fileName: "cpu.pprof",
        contentType: "application/octet-stream",
        body: Buffer.from([0, 13, 10]),
      },
    ];
    const { contentType, body } = formOf(parts, "edge");
    assert.equal(contentType, "multipart/form-data; boundary=edge");
    assert.equal(
      Buffer.from(body).toString("latin1"),
      '--edge\r\nContent-Disposition: form-data; name="event"; filename="event.json"\r\nContent-Type: application/json\r\n\r\n{}\r\n' +
        '--edge\r\nContent-Disposition: form-data; name="cpu.pprof"; filename="cpu.pprof"\r\nContent-Type: application/octet-stream\r\n\r\n\0\r\n\r\n' +
        "--edge--\r\n",
    );
  });

  it("is taken apart into what it was made of, whatever that is", () => {
    const part = fc.record({
      name: fc.stringMatching(/^[A-Za-z0-9._-]{1,9}$/),
      fileName: fc.stringMatching(/^[A-Za-z0-9._-]{1,9}$/),
      contentType: fc.constant("application/octet-stream"),
      body: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(
        fc.array(
          part.map((each) => ({ ...each })),
          { minLength: 1, maxLength: 5 },
        ),
        (parts) => {
          const { contentType, body } = formOf(parts, "hostflame-5c0c9f9e-8a3c-4a55-9a3e-3b8f2f5b7c11");
          assert.deepEqual(parseForm(contentType, body), parts);
        },
      ),
    );
  });

  it("has no name that would need quoting", () => {
    const body = new Uint8Array();
    assert.throws(() => formOf([{ name: 'a"', fileName: "a", contentType: "x/y", body }], "b"), RangeError);
  });
});

describe("Datadog's tags", () => {
  it("hold to its rules, whatever the labels are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary", maxLength: 400 }), (key, value) => {
        const tag = tagOf(key, value);
        assert.match(tag, /^\p{L}[\p{L}\p{N}_./-]*:[\p{L}\p{N}_:./-]*$/u);
        assert.ok(tag.length <= 200);
      }),
    );
  });

  it("tell the host where nobody else does, and a process where there is one", () => {
    const tags = (hostTag: boolean) => datadogTags(podProfile(), { sequence: 7, hostTag });
    assert.ok(tags(true).includes("host:node-1") && !tags(false).some((tag) => tag.startsWith("host:")));
    assert.ok(tags(true).includes("process_id:40") && tags(true).includes("profile_seq:7"));
    const { profile } = podProfile();
    const two = {
      ...podProfile(),
      profile: { ...profile, threads: profile.threads.map((thread, index) => ({ ...thread, pid: index + 1 })) },
    };
    assert.ok(!datadogTags(two, { sequence: 0, hostTag: true }).some((tag) => tag.startsWith("process_id")));
  });

  it("name every kind of workload as Datadog does", () => {
    const tagsOf = (kind: string) => {
      return datadogTags(
        {
          ...podProfile(),
          labels: new Map([
            ["workload_kind", kind],
            ["workload", "w"],
          ]),
        },
        { sequence: 0, hostTag: false },
      );
    };
    assert.ok(tagsOf("StatefulSet").includes("kube_stateful_set:w"));
    assert.ok(tagsOf("CronJob").includes("kube_cronjob:w"));
    assert.deepEqual(tagsOf("constructor").slice(-2), ["workload_kind:constructor", "workload:w"]);
  });
});

describe("Prometheus' labels", () => {
  it("are legal, each name once, and as many as are taken, whatever they were", () => {
    const label = fc.tuple(fc.string({ unit: "binary", maxLength: 9 }), fc.string({ unit: "binary", maxLength: 9 }));
    fc.assert(
      fc.property(fc.array(label, { maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (labels, max) => {
        const legal = legalLabels(labels, max);
        assert.ok(legal.length <= max);
        assert.equal(new Set(legal.map(([name]) => name)).size, legal.length);
        for (const [name, value] of legal) {
          assert.match(name, /^([a-zA-Z][a-zA-Z0-9_]*|__name__)$/);
          assert.notEqual(value, "");
        }
      }),
    );
  });

  it("say how many were left out, and tell apart what became one name", () => {
    const labels: [string, string][] = [
      ["a.b", "1"],
      ["a-b", "2"],
      ["9", "3"],
      ["__x", "4"],
      ["", "5"],
    ];
    assert.deepEqual(legalLabels(labels, 9), [
      ["a_b", "1"],
      ["a_b_2", "2"],
      ["label_9", "3"],
      ["x", "4"],
      ["label_", "5"],
    ]);
    assert.deepEqual(legalLabels(labels, 3), [
      ["a_b", "1"],
      ["a_b_2", "2"],
      ["labels_left_out", "3"],
    ]);
  });
});

it("times are told to the nanosecond", () => {
  assert.equal(isoTime(1_767_323_040_000_000_007n), "2026-01-02T03:04:00.000000007Z");
});

describe("what a stranger says", () => {
  it("of when to come back is seconds or a date", () => {
    const now = Date.UTC(2026, 0, 2);
    assert.equal(retryAfterMs("7", now), 7000);
    assert.equal(retryAfterMs("Fri, 02 Jan 2026 00:00:09 GMT", now), 9000);
    assert.equal(retryAfterMs("Fri, 02 Jan 2025 00:00:09 GMT", now), 0);
    assert.equal(retryAfterMs("999999999999", now), 3_600_000);
    for (const text of [undefined, "", "soon", "-", "NaN"]) assert.equal(retryAfterMs(text, now), undefined, text);
  });

  it("is one line of 200 characters at most", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
        const excerpt = excerptOf(text);
        assert.ok(excerpt.length <= 200 && !/[\0-\x1f\x7f-\x9f\u2028]/.test(excerpt));
      }),
    );
  });
});

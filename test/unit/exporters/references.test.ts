import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { datadog } from "#src/exporters/datadog.js";
import { checkValid } from "../../support/check-valid.js";
import { knownBatch } from "../../support/intakes/batches.js";
import { uploadsOf } from "../../support/intakes/describe-destination.js";
import { parseForm } from "../../support/intakes/form.js";

/** What test/receivers/record-references.mjs saw of a client of Datadog's. */
interface Reference {
  readonly client: string;
  readonly request: string;
  readonly headers: readonly string[];
  readonly parts: readonly {
    readonly name: string;
    readonly fileName: string;
    readonly contentType: string;
    readonly compression: string;
  }[];
  readonly event: Readonly<Record<string, string>>;
  readonly eventVersion: string;
  readonly attachments: readonly string[];
  readonly tags: readonly string[];
  readonly pprofs: readonly {
    readonly name: string;
    readonly sampleTypes: readonly string[];
    readonly periodType: string;
    readonly labels: readonly string[];
  }[];
}

const references = ["dd-trace", "ddtrace"].map((name) => {
  return JSON.parse(readFileSync(`test/golden/references/${name}.json`, "utf8")) as Reference;
});
/** Sent by Node's transport or another's, for each in its own way. */
const TRANSPORT = ["accept", "connection", "content-length", "host", "transfer-encoding", "user-agent"];
/** In the references for reasons that are not ours, and not sent by Datadog's own profiler of whole hosts. */
const NOT_OURS: Readonly<Record<string, string>> = {
  process_tags: "describes one process; a profile here is of a container, and the key is left out where it is empty",
  language: "a container runs programs of several",
  "runtime-id": "of one process",
  runtime_version: "of one language's runtime",
};
/** Beside the references' tags: those of Datadog's profiler of whole hosts, and what an agent would add by the container's id. */
const OWN_TAGS =
  /^(cpu_arch|profiler_name|remote_symbols|kube_\w+|pod_\w+|container_\w+|image|workload|workload_kind|pod_label\..+|team)$/;

describe("an upload, field by field beside those of Datadog's own clients,", async () => {
  const [upload] = await uploadsOf(datadog.open({ url: "http://agent:8126", options: {} }), knownBatch());
  const parts = parseForm(upload.headers["content-type"], upload.body);
  const event = JSON.parse(parts[0].body.toString("utf8")) as Record<string, unknown>;
  const tags = String(event["tags_profiler"])
    .split(",")
    .map((tag) => tag.split(":")[0]);
  const union = (keysOf: (reference: Reference) => readonly string[]): ReadonlySet<string> =>
    new Set(references.flatMap(keysOf));
  const inAll = (keysOf: (reference: Reference) => readonly string[]): readonly string[] =>
    keysOf(references[0]).filter((key) => references.every((reference) => keysOf(reference).includes(key)));

  it("is compared with what is there: both are whole uploads, of two clients, with CPU time and threads in them", () => {
    assert.deepEqual(
      references.map(({ client }) => client.split(" ")[0]),
      ["dd-trace", "ddtrace"],
    );
    for (const reference of references) {
      const { headers, parts: theirs, event: keys, tags: names, pprofs, attachments } = reference;
      assert.ok(headers.includes("dd-evp-origin") && headers.length > 5, reference.client);
      assert.ok(theirs.length === attachments.length + 1 && attachments.length > 0, reference.client);
      assert.ok(Object.keys(keys).length >= 8 && names.length >= 8, reference.client);
      assert.ok(
        pprofs.length > 0 && pprofs.every(({ sampleTypes, labels }) => sampleTypes.length > 0 && labels.length > 0),
      );
    }
    assert.ok(Object.keys(event).length >= 8 && tags.length >= 8 && parts.length === 2);
    assert.ok(inAll(({ headers }) => headers).length > 3 && inAll((reference) => reference.tags).length > 3);
  });

  it("goes to the same door", () => {
    for (const { request } of references) assert.equal(`POST ${upload.path}`, request);
  });

  it("has their headers, and the container's id, which their box had not", () => {
    const known = union(({ headers }) => headers);
    const others = Object.keys(upload.headers).filter((name) => !known.has(name));
    assert.deepEqual(others, ["datadog-container-id"]);
    const wanted = inAll(({ headers }) => headers).filter((name) => !TRANSPORT.includes(name));
    assert.deepEqual(
      wanted.filter((name) => !(name in upload.headers)),
      [],
    );
  });

  it("has the event as theirs, first or not, and each attachment under its name", () => {
    for (const reference of references) {
      const shape = ({ name, fileName, contentType }: Reference["parts"][number]) => [name, fileName, contentType];
      assert.deepEqual(
        shape({ ...parts[0], compression: "" }),
        shape(reference.parts.find(({ name }) => name === "event")!),
        reference.client,
      );
      assert.deepEqual(
        [...reference.attachments].sort(),
        reference.parts
          .map(({ name }) => name)
          .filter((name) => name !== "event")
          .sort(),
      );
    }
    assert.deepEqual(
      event["attachments"],
      parts.slice(1).map(({ name }) => name),
    );
    const contentTypes = union(({ parts: theirs }) => theirs.map(({ contentType }) => contentType));
    assert.ok(parts.every(({ contentType }) => contentTypes.has(contentType)));
    assert.ok(
      parts[1].body[0] === 0x1f &&
        union(({ parts: theirs }) => theirs.map(({ compression }) => compression)).has("gzip"),
    );
  });

  it("has no key in the event that theirs have not, and all that both have, of the same type", () => {
    const typeOf = (value: unknown): string =>
      value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    for (const [key, value] of Object.entries(event)) {
      assert.ok(
        references.some((reference) => reference.event[key] === typeOf(value)),
        `${key} is ${typeOf(value)}`,
      );
    }
    const missing = inAll((reference) => Object.keys(reference.event)).filter((key) => !(key in event));
    assert.deepEqual(
      missing.filter((key) => !(key in NOT_OURS)),
      [],
    );
    for (const { eventVersion } of references) assert.equal(event["version"], eventVersion);
  });

  it("has their tags, but for what tells one process or one language", () => {
    const known = union((reference) => reference.tags);
    assert.deepEqual(
      tags.filter((tag) => !known.has(tag) && !OWN_TAGS.test(tag)),
      [],
    );
    const missing = inAll((reference) => reference.tags).filter((tag) => !tags.includes(tag));
    assert.deepEqual(
      missing.filter((tag) => !(tag in NOT_OURS)),
      [],
    );
  });

  it("has a pprof of theirs' CPU types, period and thread labels", () => {
    const profile = checkValid(parts[1].body);
    const text = (index: number | bigint): string => profile.stringTable.strings[Number(index)];
    const type = (row: { type: number | bigint; unit: number | bigint }): string =>
      `${text(row.type)}/${text(row.unit)}`;
    const cpu = references[1].pprofs[0];
    assert.ok(profile.sampleType.map(type).every((each) => cpu.sampleTypes.includes(each)));
    assert.equal(type(profile.periodType!), cpu.periodType);
    const labels = union(({ pprofs }) => pprofs.flatMap((pprof) => pprof.labels));
    const ours = new Set(
      profile.sample.flatMap(({ label }) =>
        label.map(({ key, str }) => `${text(key)} (${Number(str) === 0 ? "number" : "text"})`),
      ),
    );
    // The process's id is a label of Datadog's profiler of whole hosts, where a profile has more than one.
    assert.deepEqual(
      [...ours].filter((label) => !labels.has(label)),
      ["process_id (text)"],
    );
  });
});

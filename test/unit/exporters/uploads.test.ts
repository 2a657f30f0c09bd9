import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { datadog } from "#src/exporters/datadog.js";
import { datakit } from "#src/exporters/datakit.js";
import type { IntakeModule } from "#src/exporters/intake.js";
import { INTAKES } from "#src/exporters/intakes.js";
import { otlp } from "#src/exporters/otlp.js";
import { parca } from "#src/exporters/parca.js";
import { profefe } from "#src/exporters/profefe.js";
import { pyroscope } from "#src/exporters/pyroscope.js";
import type { LabelledProfile } from "#src/model/labelled-profile.js";
import type { Upload } from "#src/model/upload.js";
import { knownBatch, podProfile } from "../../support/intakes/batches.js";
import { uploadsOf } from "../../support/intakes/describe-destination.js";
import { parseForm } from "../../support/intakes/form.js";
import { pprofText, uploadText } from "../../support/intakes/upload-text.js";
import { matchGolden } from "../../support/golden.js";
import { checkValid } from "../../support/check-valid.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

const url = "http://intake:1234";
const key = "0123456789abcdef0123456789abcdef";
type Options = Readonly<Record<string, string>>;

async function encode(intake: IntakeModule, options: Options, profiles = knownBatch().profiles): Promise<Upload[]> {
  const destination = intake.open({ url: options["api-key"] === undefined ? url : undefined, options });
  return uploadsOf(destination, { ...knownBatch(), profiles });
}

describe("an upload's golden text", () => {
  const cases: readonly (readonly [string, IntakeModule, Options])[] = [
    ["datadog", datadog, {}],
    ["datadog-direct", datadog, { "api-key": key }],
    ["datakit", datakit, {}],
    ["pyroscope", pyroscope, { tenant: "shop" }],
    ["pyroscope-ingest", pyroscope, { protocol: "ingest" }],
    ["parca", parca, {}],
    ["parca-gateway", parca, { protocol: "http" }],
    ["otlp", otlp, {}],
    ["profefe", profefe, {}],
  ];
  for (const [name, intake, options] of cases) {
    it(`of ${name}`, async () => {
      const [upload] = await encode(intake, options);
      matchGolden(`uploads/${name}.txt`, uploadText(upload));
    });
  }

  it("over gRPC is OTLP's over HTTP, but for the path and headers", async () => {
    const [overHttp] = await encode(otlp, {});
    const [overGrpc] = await encode(otlp, { protocol: "grpc" });
    const body = (upload: Upload) => uploadText(upload).replace(/^[^]*?\n\n/, "");
    assert.equal(body(overGrpc), body(overHttp));
    assert.equal(overGrpc.path, "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export");
    assert.deepEqual(overGrpc.headers, { "grpc-encoding": "gzip" });
  });
});

describe("a profile that is too large for one request", () => {
  /** So many distinct stacks of long names that 4 MiB are passed several times. */
  const large = (stacks: number, nameLength: number): LabelledProfile => {
    const builder = new ProfileBuilder();
    for (let stack = 0; stack < stacks; stack++) {
      builder.add(`big;main;f${stack}_${"x".repeat(nameLength)}`, (stack % 7) + 1);
    }
    return { ...podProfile(), profile: builder.build() };
  };
  const rawProfileOf = (upload: Upload): Uint8Array => {
    const text = Buffer.from(upload.body);
    return text.subarray(text.indexOf(Buffer.from([0x1f, 0x8b, 0x08])));
  };

  it("goes to Pyroscope in parts of at most 4 MiB and 16,000 samples, which add up", async () => {
    for (const [stacks, nameLength] of [
      [40_000, 8],
      [5000, 2000],
    ]) {
      const profile = large(stacks, nameLength);
      const uploads = await encode(pyroscope, { protocol: "ingest" }, [profile]);
      assert.ok(uploads.length > 2, String(uploads.length));
      let samples = 0;
      let sum = 0;
      for (const upload of uploads) {
        const plain = gunzipSync(rawProfileOf(upload));
        const { sample } = checkValid(plain);
        assert.ok(plain.length <= 4 * 2 ** 20 && sample.length <= 16_000, `${plain.length} ${sample.length}`);
        samples += sample.length;
        for (const { value } of sample) sum += Number(value[0]);
      }
      assert.equal(samples, stacks);
      assert.equal(
        sum,
        profile.profile.samples.count.reduce((total, count) => total + count, 0),
      );
      assert.equal(new Set(uploads.map(({ id }) => id)).size, uploads.length);
    }
  });

  it("goes over OTLP in parts of less than 4 MiB", async () => {
    const uploads = await encode(otlp, {}, [large(6000, 2000)]);
    assert.ok(uploads.length > 2);
    for (const { body } of uploads) assert.ok(gunzipSync(body).length < 4 * 2 ** 20);
  });

  it("is sent all the same where one sample alone is too large", async () => {
    const uploads = await encode(pyroscope, {}, [large(1, 5 * 2 ** 20)]);
    assert.equal(uploads.length, 1);
  });
});

describe("an upload to Datadog", () => {
  it("has an attachment for each name that it lists, under that name", async () => {
    for (const intake of [datadog, datakit]) {
      for (const { headers, body } of await encode(intake, {})) {
        const parts = parseForm(headers["content-type"], body);
        const event = JSON.parse(parts[0].body.toString("utf8")) as {
          attachments: string[];
          start: string;
          end: string;
        };
        assert.deepEqual(
          parts.map(({ name, fileName }) => [name, fileName]),
          [["event", "event.json"], ...event.attachments.map((name) => [name, name])],
        );
        assert.ok(event.attachments.every((name) => name.endsWith(".pprof")));
        assert.ok(Date.parse(event.end) - Date.parse(event.start) === 60_000);
        assert.match(
          pprofText(parts[1].body),
          /^pprof of cpu-samples\/count cpu-time\/nanoseconds, shown first cpu-time/,
        );
      }
    }
  });

  it("names a container only by an id in a form that an agent knows", async () => {
    const withId = async (id: string): Promise<Readonly<Record<string, string>>> => {
      const [{ headers }] = await encode(datadog, {}, [{ ...podProfile(), labels: new Map([["container_id", id]]) }]);
      return headers;
    };
    for (const id of ["a".repeat(64), `${"b".repeat(32)}-1234`, "5c0c9f9e-8a3c-4a55-9a3e-3b8f2f5b7c11"]) {
      const headers = await withId(id);
      assert.deepEqual([headers["datadog-container-id"], headers["datadog-entity-id"]], [id, `ci-${id}`]);
    }
    for (const id of ["ctest1", "", "A".repeat(64), `${"a".repeat(64)}\r\nx: y`, "a".repeat(63)]) {
      assert.ok(!("datadog-container-id" in (await withId(id))), id);
    }
  });

  it("numbers the upload cycles, each with all its services", async () => {
    const destination = datadog.open({ url, options: {} });
    for (const cycle of [0, 1, 2]) {
      for (const { body } of await uploadsOf(destination, knownBatch())) {
        assert.ok(Buffer.from(body).includes(`profile_seq:${cycle},`));
      }
    }
  });
});

it("every kind of intake is opened with its URL alone", () => {
  for (const intake of INTAKES) {
    const destination = intake.open({ url: `http://127.0.0.1:${intake.port}`, options: {} });
    assert.deepEqual([destination.name, destination.address], [intake.kind, `http://127.0.0.1:${intake.port}`]);
  }
});

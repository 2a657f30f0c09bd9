import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { SendResult } from "#src/delivery/destination.js";
import { openIntake } from "#src/exporters/intakes.js";
import type { ProfileBatch } from "#src/model/labelled-profile.js";
import { samplesIn, ticksIn } from "../../support/arbitrary-profile.js";
import { knownBatch, podProfile } from "../../support/intakes/batches.js";
import { openGoReceivers, type GoReceivers } from "../../support/intakes/receivers.js";
import { syntheticProfile } from "../../support/synthetic-profile.js";
import { until } from "../../support/until.js";

interface Push {
  readonly labels: Readonly<Record<string, string>>;
  readonly id: string;
  readonly profile: {
    readonly sampleTypes: string[];
    readonly period: string;
    readonly samples: number;
    readonly sums: number[];
    readonly labels: number;
  };
}

interface Form {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly fileName: string;
        readonly contentType: string;
        readonly event?: { readonly attachments: string[] };
        readonly profile?: Push["profile"];
      }
    >
  >;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What others' own decoders make of what is sent; each also refuses what is not valid. */
describe("receivers of others' making", () => {
  let receivers: GoReceivers | undefined;
  let skip = "";
  before(async () => {
    const opened = await openGoReceivers();
    if ("skip" in opened) skip = opened.skip;
    else receivers = opened;
  });
  after(() => receivers?.close());
  const given = (name: string, body: (receivers: GoReceivers) => Promise<void>): void => {
    it(name, async (context) => {
      if (receivers === undefined) return context.skip(skip);
      receivers.received.length = 0;
      await body(receivers);
    });
  };

  given("Pyroscope's push handler takes each profile, with all its samples", async ({ http, received }) => {
    const batch = {
      ...knownBatch(),
      profiles: [...knownBatch().profiles, { ...podProfile(), profile: syntheticProfile(20_000) }],
    };
    const results = await sendAll("pyroscope", http, batch);
    assert.deepEqual(new Set(results.map(({ kind }) => kind)), new Set(["accepted"]));
    await until(() => received.length === results.length);
    const pushes = received.map((document) => document["push"] as Push);
    const [first] = pushes;
    assert.deepEqual([first.labels["__name__"], first.labels["service_name"]], ["process_cpu", "shop api"]);
    assert.equal(first.labels["pod_label_app_kubernetes_io_name"], "api=v2,{x}");
    assert.deepEqual(first.profile.sampleTypes, ["samples/count", "cpu/nanoseconds"]);
    assert.match(first.id, /^[0-9a-f-]{36}$/);
    for (const { profile } of pushes) assert.equal(profile.labels, 0);
    const sum = (index: number): number => pushes.reduce((total, { profile }) => total + profile.sums[index], 0);
    assert.equal(
      sum(0),
      batch.profiles.reduce((total, { profile }) => total + samplesIn(profile), 0),
    );
    assert.equal(
      sum(1),
      batch.profiles.reduce((total, { profile }) => total + ticksIn(profile) * Math.round(profile.periodNs), 0),
    );
  });

  given("Pyroscope's push handler refuses what is no profile, and its reason is told", async ({ http }) => {
    const destination = openIntake({ kind: "pyroscope", url: http, options: {} });
    for await (const upload of destination.encode(knownBatch())) {
      const body = Buffer.from(upload.body);
      body.fill(0, body.indexOf(Buffer.from([0x1f, 0x8b])), body.length - 60);
      const result = await destination.send({ ...upload, body }, new AbortController().signal);
      assert.ok(
        result.kind === "refused" && result.reason === "rejected" && result.detail.includes("invalid_argument"),
        JSON.stringify(result),
      );
    }
    await destination.close();
  });

  for (const kind of ["datadog", "datakit"]) {
    given(
      `Go's own reader of forms takes ${kind}'s apart, and google/pprof what is in them`,
      async ({ http, received }) => {
        const results = await sendAll(kind, http, knownBatch());
        assert.deepEqual(new Set(results.map((result) => result.kind)), new Set(["accepted"]));
        await until(() => received.length === results.length);
        const [{ files, values }] = received as unknown as readonly Form[];
        assert.deepEqual(values, {});
        assert.deepEqual(Object.keys(files).sort(), ["cpu.pprof", "event"]);
        assert.deepEqual(
          Object.entries(files)
            .map(([, { fileName, contentType }]) => [fileName, contentType])
            .sort(),
          [
            ["cpu.pprof", "application/octet-stream"],
            ["event.json", "application/json"],
          ],
        );
        assert.deepEqual(files["event"].event?.attachments, ["cpu.pprof"]);
        const { sampleTypes, sums, period } = files["cpu.pprof"].profile!;
        assert.deepEqual(
          [sampleTypes, sums, period],
          [["cpu-samples/count", "cpu-time/nanoseconds"], [6, 90_000_000], "10000000 cpu-time/nanoseconds"],
        );
      },
    );
  }

  for (const protocol of ["http", "grpc"] as const) {
    given(`OpenTelemetry's decoder reads each profile over ${protocol}`, async (opened) => {
      const { received } = opened;
      const large = { ...podProfile(), profile: syntheticProfile(20_000) };
      const batch = { ...knownBatch(), profiles: [...knownBatch().profiles, large] };
      const results = await sendAll("otlp", opened[protocol], batch, { protocol });
      assert.deepEqual(new Set(results.map(({ kind }) => kind)), new Set(["accepted"]));
      await until(() => received.length === results.length);
      assert.ok(received.every(({ over }) => over === protocol));
      const [first] = received.map(({ otlp }) => otlp as OtlpRequest);
      const [{ scopeProfiles }] = first.resourceProfiles;
      const [resource] = received[0]["resources"] as readonly Readonly<Record<string, string>>[];
      assert.deepEqual([resource["service.name"], resource["k8s.deployment.name"]], ["shop api", "api"]);
      const [profile] = scopeProfiles[0].profiles;
      const strings = first.dictionary.stringTable;
      assert.equal(strings[profile.sampleType.typeStrindex ?? 0], "samples");
      assert.equal(profile.timeUnixNano, String(podProfile().profile.timeNs));
      assert.equal(profile.period, "10000000");
      const sum = received
        .flatMap(({ otlp }) => (otlp as OtlpRequest).resourceProfiles[0].scopeProfiles[0].profiles[0].samples)
        .reduce((total, { values }) => total + Number(values[0]), 0);
      assert.equal(
        sum,
        batch.profiles.reduce((total, each) => total + ticksIn(each.profile), 0),
      );
    });

    given(`what is rejected in part over ${protocol} is refused, with the receiver's words`, async (opened) => {
      const batch = { ...knownBatch(), profiles: [{ ...podProfile(), service: "reject me" }] };
      const [result] = await sendAll("otlp", opened[protocol], batch, { protocol });
      assert.ok(
        result.kind === "refused" && result.detail.endsWith("rejects the profile: as asked"),
        JSON.stringify(result),
      );
      // Else it may come in the middle of the next test, which counts what comes.
      await until(() => opened.received.length === 1);
    });
  }
});

interface OtlpRequest {
  readonly resourceProfiles: readonly {
    readonly scopeProfiles: readonly {
      readonly profiles: readonly {
        readonly sampleType: { readonly typeStrindex?: number };
        readonly timeUnixNano: string;
        readonly period: string;
        readonly samples: readonly { readonly values: readonly string[] }[];
      }[];
    }[];
  }[];
  readonly dictionary: { readonly stringTable: readonly string[] };
}

async function sendAll(
  kind: string,
  url: string,
  batch: ProfileBatch,
  options: Readonly<Record<string, string>> = {},
): Promise<readonly SendResult[]> {
  const destination = openIntake({ kind, url, options });
  const results: SendResult[] = [];
  for await (const upload of destination.encode(batch)) {
    results.push(await destination.send(upload, new AbortController().signal));
  }
  await destination.close();
  return results;
}

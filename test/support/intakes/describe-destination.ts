import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import type { Destination, SendResult } from "#src/delivery/destination.js";
import type { IntakeModule } from "#src/exporters/intake.js";
import type { ProfileBatch } from "#src/model/labelled-profile.js";
import type { Upload } from "#src/model/upload.js";
import { arbitraryBatch, knownBatch } from "./batches.js";
import type { Reply, StubIntake } from "./stub.js";

export interface DestinationSubject {
  readonly module: IntakeModule;
  readonly options: Readonly<Record<string, string>>;
  /** In the options; must be sent, and be nowhere else. */
  readonly secret?: string;
  readonly open: () => Promise<StubIntake>;
  /** After the stub's URL. */
  readonly path?: string;
  /** Statuses of HTTP that it tries again; undefined where it speaks none. */
  readonly retried?: readonly number[];
}

export const USUALLY_RETRIED = [408, 429, 500, 502, 503, 504, 507, 599];
const STATUSES = [
  100, 201, 202, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 411, 413, 415, 422, 429, 431, 500, 501, 502,
  503, 504, 507, 599,
];
const PATIENCE_MS = 1000;

/** What every destination keeps to, over an intake of ours. */
export function describeDestination(what: string, subject: DestinationSubject): void {
  describe(`destination ${what}`, () => {
    let intake: StubIntake;
    let upload: Upload;
    const opened: Destination[] = [];
    const open = (url = intake.url + (subject.path ?? "")): Destination => {
      const destination = subject.module.open({ url, options: { timeout: `${PATIENCE_MS}ms`, ...subject.options } });
      opened.push(destination);
      return destination;
    };
    const go = (): AbortSignal => new AbortController().signal;
    before(async () => {
      intake = await subject.open();
      [upload] = await uploadsOf(open(), knownBatch());
    });
    beforeEach(() => {
      intake.answer({ kind: "good" });
      intake.received.length = 0;
    });
    after(async () => {
      await Promise.all(opened.map((one) => one.close()));
      await intake.close();
    });
    const sendTo = async (reply: Reply, destination = open()): Promise<SendResult> => {
      intake.answer(reply);
      return destination.send(upload, go());
    };

    it("sends what it encoded, byte for byte", async () => {
      assert.deepEqual(await open().send(upload, go()), { kind: "accepted" });
      const [{ method, path, headers, body }] = intake.received;
      assert.equal(method, "POST");
      assert.ok(path.endsWith(upload.path), path);
      for (const [name, value] of Object.entries(upload.headers)) assert.equal(headers[name], value, name);
      const bytes = headers["content-type"]?.startsWith("application/grpc") ? body.subarray(5) : body;
      assert.ok(bytes.equals(upload.body));
    });

    it("makes one upload of each profile that has samples, under the window's times", async () => {
      const batch = knownBatch();
      const empty = { ...batch.profiles[0], profile: { ...batch.profiles[0].profile, samples: noSamples } };
      const uploads = await uploadsOf(open(), { ...batch, profiles: [...batch.profiles, empty] });
      assert.equal(uploads.length, batch.profiles.length);
      assert.equal(new Set(uploads.map(({ id }) => id)).size, uploads.length);
      for (const { id, startNs, endNs, profiles, path } of uploads) {
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.deepEqual([startNs, endNs, profiles], [batch.startNs, batch.endNs, 1]);
        assert.match(path, /^\/[\x21-\x7e]+$/);
      }
    });

    it("has no secret in what is stored, told or printed", async () => {
      const { secret = "no secret at all" } = subject;
      const destination = open();
      const results = [];
      for (const kind of ["good", "echo", "bad", "reset", "garbage"] as const) {
        intake.answer({ kind });
        results.push(await destination.send(upload, go()));
      }
      const told = inspect([upload.headers, upload.path, results, destination.address, destination.name, destination], {
        depth: 9,
      });
      assert.ok(!told.includes(secret), told);
      assert.ok(!Buffer.from(upload.body).includes(secret));
      const { headers } = intake.received[0];
      const sent = Object.values(headers).flatMap((value) => [
        value,
        Buffer.from(value.split(" ").at(-1) ?? "", "base64").toString(),
      ]);
      assert.equal(
        sent.some((value) => value.includes(secret)),
        subject.secret !== undefined,
      );
    });

    it("tells what helps later from what never will", async () => {
      assert.equal((await sendTo({ kind: "good" })).kind, "accepted");
      for (const kind of ["bad", "unauthorized", "tooLarge"] as const) {
        assertResult(await sendTo({ kind }), "refused", kind);
      }
      for (const kind of ["broken", "reset", "close"] as const) assertResult(await sendTo({ kind }), "retry", kind);
      for (const kind of ["garbage", "half"] as const) assert.notEqual((await sendTo({ kind })).kind, "accepted", kind);
      const busy = await sendTo({ kind: "busy", afterMs: 7000 });
      assertResult(busy, "retry", "busy");
      assert.deepEqual([busy.reason, busy.kind === "retry" ? busy.afterMs : 0], ["throttled", 7000]);
    });

    it("is not drowned by an answer without end", async () => {
      const before = process.memoryUsage().rss;
      await sendTo({ kind: "huge" });
      assert.ok(process.memoryUsage().rss - before < 64 * 2 ** 20);
    });

    it("gives a silent intake its time and no more", async () => {
      const start = performance.now();
      const result = await sendTo({ kind: "silent" });
      const took = performance.now() - start;
      assertResult(result, "retry", "silent");
      assert.equal(result.reason, "timeout");
      assert.ok(took > 0.9 * PATIENCE_MS && took < PATIENCE_MS + 2000, `${took} ms`);
    });

    it("ends at once when it is aborted, and only then rejects", async () => {
      intake.answer({ kind: "silent" });
      const reason = new Error("enough");
      const controller = new AbortController();
      const start = performance.now();
      setTimeout(() => controller.abort(reason), 50);
      await assert.rejects(open().send(upload, controller.signal), reason);
      assert.ok(performance.now() - start < 800);
      await assert.rejects(open().send(upload, AbortSignal.abort(reason)), reason);
    });

    it("says who cannot be reached, and what to do", async () => {
      const gone = await subject.open();
      await gone.close();
      const result = await open(gone.url + (subject.path ?? "")).send(upload, go());
      assertResult(result, "retry", "gone");
      assert.equal(result.reason, "unreachable");
      assert.ok(result.detail.includes(gone.url) && /; check .+\.$/.test(result.detail), result.detail);
    });

    it("goes on over a new connection when the old one was closed meanwhile", async () => {
      const destination = open();
      for (let round = 0; round < 5; round++) {
        assert.deepEqual(await destination.send(upload, go()), { kind: "accepted" });
        intake.drop();
      }
    });

    it("keeps to few connections", async () => {
      intake.drop();
      const destination = open();
      const results = await Promise.all(Array.from({ length: 30 }, () => destination.send(upload, go())));
      assert.ok(results.every(({ kind }) => kind === "accepted"));
      assert.ok(intake.connections <= 6, String(intake.connections));
      await destination.close();
    });

    it("has room for any names, and changes nobody else's request with them", async () => {
      const destination = open();
      await fc.assert(
        fc.asyncProperty(arbitraryBatch, async (batch) => {
          for (const one of await uploadsOf(destination, batch)) {
            assert.deepEqual(await destination.send(one, go()), { kind: "accepted" });
            const last = intake.received.pop();
            assert.ok(last?.path.endsWith(one.path));
          }
        }),
        { numRuns: 30 },
      );
    });

    const { retried } = subject;
    if (retried === undefined) return;
    it("reads each status of HTTP", async () => {
      const destination = open();
      for (const status of STATUSES.filter((each) => each >= 200)) {
        const headers = status < 400 ? { location: `${intake.url}/elsewhere` } : { "retry-after": "3" };
        const result = await sendTo({ kind: "http", status, headers }, destination);
        const expected: string = status < 300 ? "accepted" : retried.includes(status) ? "retry" : "refused";
        assert.equal(result.kind, expected, String(status));
        if (result.kind === "accepted") continue;
        assert.ok(result.detail.includes(String(status)), result.detail);
        assert.equal(result.kind === "retry" ? result.afterMs : 3000, 3000);
      }
      assert.ok(
        intake.received.every(({ path }) => path.endsWith(upload.path)),
        "no redirect is followed",
      );
    });

    it("hears an intake that refuses before it has read all", async () => {
      const large = { ...upload, body: Buffer.alloc(8 * 2 ** 20, 1) };
      intake.answer({ kind: "early" });
      const result = await open().send(large, go());
      // The connection may break under what is still being written, before the answer is read.
      assert.ok(
        result.kind === "refused"
          ? result.reason === "too-large"
          : result.kind === "retry" && result.reason === "reset",
      );
    });
  });
}

export async function uploadsOf(destination: Destination, batch: ProfileBatch): Promise<Upload[]> {
  const uploads: Upload[] = [];
  for await (const upload of destination.encode(batch)) uploads.push(upload);
  return uploads;
}

function assertResult(
  result: SendResult,
  kind: "retry" | "refused",
  what: string,
): asserts result is Exclude<SendResult, { kind: "accepted" }> {
  assert.ok(result.kind === kind, `${what}: ${JSON.stringify(result)}`);
  assert.ok(/^[a-z]+(-[a-z]+)*$/.test(result.reason) && result.detail !== "", what);
  assert.ok(!/[\0-\x1f\x7f]/.test(result.detail));
}

const noSamples = {
  length: 0,
  stack: new Uint32Array(),
  thread: new Uint32Array(),
  count: new Uint32Array(),
  ticks: new Uint32Array(),
};

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { GrpcClient } from "#src/grpc/client.js";
import { frameOf, MessageAssembler } from "#src/grpc/messages.js";
import { GRPC_STATUS, GrpcError, statusOf } from "#src/grpc/status.js";
import { GrpcServer } from "../../support/runtimes/grpc-server.js";
import { until } from "../../support/until.js";

const folder = mkdtempSync(path.join(tmpdir(), "hostflame-grpc-"));
const socket = path.join(folder, "s");
let gone = 0;
const server = new GrpcServer(socket, {
  "/t.T/Echo": (call) => {
    call.send(call.request);
    call.end();
  },
  "/t.T/Count": (call) => {
    for (let i = 0; i < 1000; i++) call.send(Buffer.alloc(i, i));
    call.end();
  },
  "/t.T/Twice": (call) => {
    call.send(call.request);
    call.send(call.request);
    call.end();
  },
  "/t.T/Nothing": (call) => call.end(),
  "/t.T/Denied": (call) => call.end(7, "für dich nicht: 100 %"),
  "/t.T/Late": (call) => {
    call.send(call.request);
    call.end(13, "after the answer");
  },
  "/t.T/Never": (call) => call.signal.addEventListener("abort", () => gone++),
  "/t.T/Headers": (call) => {
    call.send(Buffer.from(`${call.headers["x-name"]} ${call.headers["grpc-timeout"]}`));
    call.end();
  },
});
const client = new GrpcClient(socket, { maxMessageBytes: 4 * 1024 * 1024 });
const call = (method: string, request = Buffer.alloc(0), timeoutMs = 2000) =>
  client.unary(`/t.T/${method}`, request, { timeoutMs });

function isError(code: number, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof GrpcError && error.code === code && message.test(error.message);
}

before(() => server.start());
after(async () => {
  client.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
});

describe("a gRPC call", () => {
  it("is answered, whatever its size", async () => {
    for (const bytes of [0, 1, 65_535, 70_000, 3_000_000]) {
      const request = Buffer.alloc(bytes, 7);
      assert.ok(Buffer.from(await call("Echo", request)).equals(request));
    }
  });

  it("carries metadata and its deadline", async () => {
    const headers = { "x-name": "k8s.io" };
    const answer = await client.unary("/t.T/Headers", Buffer.alloc(0), { timeoutMs: 1500, headers });
    assert.equal(Buffer.from(answer).toString(), "k8s.io 1500m");
  });

  it("of many at once is answered with its own answer", async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => call("Echo", Buffer.from(String(i)))));
    assert.deepEqual(
      answers.map((answer) => Number(Buffer.from(answer).toString())),
      Array.from({ length: 500 }, (_, i) => i),
    );
  });

  it("streams answers in order", async () => {
    const sizes: number[] = [];
    await client.stream("/t.T/Count", Buffer.alloc(0), { timeoutMs: 2000 }, ({ length }) => sizes.push(length));
    assert.deepEqual(
      sizes,
      Array.from({ length: 1000 }, (_, i) => i),
    );
  });

  it("that fails says how", async () => {
    await assert.rejects(call("Denied"), isError(GRPC_STATUS.permissionDenied, /^für dich nicht: 100 %$/));
    await assert.rejects(call("NoSuch"), isError(GRPC_STATUS.unimplemented));
    await assert.rejects(call("Late"), isError(GRPC_STATUS.internal, /after the answer/));
    await assert.rejects(call("Nothing"), isError(GRPC_STATUS.internal, /no answer/));
    await assert.rejects(call("Twice"), isError(GRPC_STATUS.internal, /two answers/));
    await assert.rejects(call("Echo", Buffer.alloc(5_000_000)), isError(GRPC_STATUS.resourceExhausted));
  });

  it("ends at its deadline and at its signal, and the server hears of it", async () => {
    await assert.rejects(call("Never", undefined, 100), isError(GRPC_STATUS.deadlineExceeded));
    await until(() => gone === 1);
    const abort = new AbortController();
    const stream = client.stream("/t.T/Never", Buffer.alloc(0), { signal: abort.signal }, () => {});
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(stream, isError(GRPC_STATUS.unavailable, /aborted/));
    await until(() => gone === 2);
    await assert.rejects(client.stream("/t.T/Echo", Buffer.alloc(0), { signal: abort.signal }, () => {}));
    // The connection is as good as before.
    await call("Echo");
  });

  it("whose listener throws ends with what it threw", async () => {
    const broken = () => {
      throw new Error("no more");
    };
    await assert.rejects(client.stream("/t.T/Count", Buffer.alloc(0), { timeoutMs: 2000 }, broken), /no more/);
  });

  it("to nobody says why, and the next one finds who came", async () => {
    const pending = assert.rejects(call("Never"), isError(GRPC_STATUS.unavailable));
    await server.stop();
    await pending;
    await assert.rejects(call("Echo"), (error) => error instanceof GrpcError && error.errno === "ENOENT");
    await server.start();
    await call("Echo");
  });
});

describe("a compressed answer", () => {
  const packed = (bytes: Buffer) => frameOf(gzipSync(bytes), true);

  it("to a compressed request is unpacked", () => {
    const seen: Buffer[] = [];
    const assembler = new MessageAssembler(1000, true);
    assembler.push(Buffer.concat([packed(Buffer.from("one")), frameOf(Buffer.from("two"))]), (message) => {
      seen.push(Buffer.from(message));
    });
    assert.deepEqual(seen.map(String), ["one", "two"]);
  });

  it("to any other is refused, as is one that is larger than it looks, or no gzip", () => {
    const read = (bytes: Buffer, takesGzip: boolean) => () => {
      new MessageAssembler(1000, takesGzip).push(bytes, () => {});
    };
    assert.throws(read(packed(Buffer.from("one")), false), isError(13, /compressed/));
    assert.throws(read(packed(Buffer.alloc(100_000)), true), isError(13, /over the limit/));
    assert.throws(read(frameOf(Buffer.from("no gzip"), true), true), isError(13, /no gzip/));
  });
});

describe("message frames", () => {
  it("are cut out of any chunks", () => {
    const check = (messages: readonly Uint8Array[], cuts: readonly number[]) => {
      const bytes = Buffer.concat(messages.map((message) => frameOf(message)));
      const assembler = new MessageAssembler(1000);
      const seen: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        const end = Math.min(bytes.length, at + cut);
        assembler.push(bytes.subarray(at, end), (message) => seen.push(Buffer.from(message)));
        at = end;
      }
      assert.ok(assembler.empty);
      assert.deepEqual(
        seen,
        messages.map((message) => Buffer.from(message)),
      );
    };
    const cuts = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 });
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), cuts, check));
  });

  it("of any bytes are messages within the limit, or refused", () => {
    const check = (chunks: readonly Uint8Array[]) => {
      const assembler = new MessageAssembler(100);
      try {
        for (const chunk of chunks) {
          assembler.push(Buffer.from(chunk), ({ length }) => assert.ok(length <= 100));
        }
      } catch (error) {
        assert.ok(error instanceof GrpcError);
      }
    };
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), check));
  });
});

describe("a call's status", () => {
  it("is the server's, and unknown where it is no number", () => {
    assert.deepEqual(statusOf({ "grpc-status": "5", "grpc-message": "a%20b" }), { code: 5, message: "a b" });
    assert.deepEqual(statusOf({ "grpc-status": "x", "grpc-message": "%zz" }), { code: 2, message: "%zz" });
    assert.equal(statusOf({}), undefined);
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { SendResult } from "#src/delivery/destination.js";
import { openIntake } from "#src/exporters/intakes.js";
import { knownBatch } from "../../support/intakes/batches.js";
import { uploadsOf } from "../../support/intakes/describe-destination.js";
import { openGrpcIntake } from "../../support/intakes/grpc-intake.js";
import { openHttpIntake } from "../../support/intakes/http-intake.js";
import type { StubIntake } from "../../support/intakes/stub.js";
import { findProgram } from "../../support/runtimes/programs.js";

const folder = mkdtempSync(path.join(tmpdir(), "hostflame-tls-"));
const certificate = path.join(folder, "certificate.pem");
const stale = path.join(folder, "stale.pem");
const opened: StubIntake[] = [];
after(async () => {
  await Promise.all(opened.map((intake) => intake.close()));
  rmSync(folder, { recursive: true });
});

async function sendTo(kind: string, url: string, options: Readonly<Record<string, string>> = {}): Promise<SendResult> {
  const destination = openIntake({ kind, url, options: { timeout: "5s", ...options } });
  const [upload] = await uploadsOf(destination, knownBatch());
  const result = await destination.send(upload, new AbortController().signal);
  await destination.close();
  return result;
}

async function reasonOf(...words: Parameters<typeof sendTo>): Promise<string> {
  const result = await sendTo(...words);
  return result.kind === "accepted" ? "accepted" : `${result.kind} ${result.reason}`;
}

const open = async (make: Promise<StubIntake>): Promise<string> => {
  const intake = await make;
  opened.push(intake);
  return intake.url;
};

describe("over TLS", { skip: findProgram("openssl") === undefined ? "needs openssl" : false }, () => {
  let tls = { key: "", cert: "" };
  before(() => {
    tls = { key: makeCertificate(certificate), cert: readFileSync(certificate, "utf8") };
    makeCertificate(stale);
  });

  for (const [kind, options, openTls] of [
    ["datadog", {}, () => openHttpIntake({ tls })],
    ["parca", { protocol: "grpc" }, () => openGrpcIntake(tls)],
  ] as const) {
    it(`${kind} is sent to whom it trusts, and to nobody else`, async () => {
      const url = await open(openTls());
      assert.equal(await reasonOf(kind, url, options), "retry tls");
      assert.equal(await reasonOf(kind, url, { ...options, "ca-file": stale }), "retry tls");
      assert.equal(opened.at(-1)?.received.length, 0);
      assert.equal(await reasonOf(kind, url, { ...options, "ca-file": certificate }), "accepted");
      assert.equal(await reasonOf(kind, url, { ...options, insecure: "true" }), "accepted");
    });

    it(`${kind} trusts no other host's certificate`, async () => {
      const url = (await open(openTls())).replace("127.0.0.1", "localhost");
      assert.equal(await reasonOf(kind, url, { ...options, "ca-file": certificate }), "retry tls");
    });
  }

  it("nothing is sent in the clear because the other side speaks no TLS", async () => {
    const url = (await open(openHttpIntake())).replace("http:", "https:");
    assert.equal(await reasonOf("datadog", url), "retry tls");
    assert.equal(opened.at(-1)?.received.length, 0);
  });

  function makeCertificate(file: string): string {
    const key = `${file}.key`;
    const words = [
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=intake",
    ];
    const { status, stderr } = spawnSync(
      "openssl",
      ["req", ...words, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", file],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    return readFileSync(key, "utf8");
  }
});

describe("an intake that is not there", () => {
  it("has no name that is known", async () => {
    const result = await sendTo("datadog", "http://intake.invalid:8126");
    assert.equal(result.kind, "retry");
    assert.ok(
      result.kind === "retry" && result.reason === "dns" && result.detail.includes("intake.invalid"),
      JSON.stringify(result),
    );
    assert.equal(await reasonOf("parca", "http://intake.invalid:7070"), "retry dns");
  });

  it("has no socket", async () => {
    const url = `unix://${path.join(folder, "no.sock")}`;
    assert.equal(await reasonOf("datadog", url), "retry unreachable");
    assert.equal(await reasonOf("parca", url), "retry unreachable");
  });
});

describe("gRPC to what speaks HTTP/1.1, and the reverse", () => {
  it("is told, and delayed", async () => {
    assert.match(await reasonOf("parca", await open(openHttpIntake())), /^retry /);
    assert.match(await reasonOf("datadog", await open(openGrpcIntake())), /^retry /);
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { DELIVERY_DEFAULTS, deliverTo, type DeliveringExporter } from "#src/delivery/deliver-to.js";
import { openIntake } from "#src/exporters/intakes.js";
import { registerDeliveries } from "#src/metrics/deliveries.js";
import { createMetricRegistry } from "#src/metrics/registry.js";
import { knownBatch } from "../../support/intakes/batches.js";
import { openGrpcIntake } from "../../support/intakes/grpc-intake.js";
import { openHttpIntake } from "../../support/intakes/http-intake.js";
import type { Reply, StubIntake } from "../../support/intakes/stub.js";
import { openFiles } from "../../support/live-capture.js";
import { quietLog } from "../../support/quiet-log.js";
import { findProgram } from "../../support/runtimes/programs.js";
import { noTmpfs } from "../../support/tmpfs.js";
import { until } from "../../support/until.js";

const TRY_MS = 400;
const TRIES = 4;
const UPLOADS = knownBatch().profiles.length;

/** One over HTTP, one over gRPC: the two transports there are. */
const KINDS = [
  ["datadog", {}],
  ["parca", { protocol: "grpc" }],
] as const;

interface Situation {
  /** Where the intake is; what it is opened with. */
  readonly url: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Under which tries are counted; "refused …" where nothing is tried again. */
  readonly reason: RegExp;
}

const noMounts = noTmpfs || (findProgram("unshare") === undefined ? "needs unshare" : false);

describe("an intake that does not behave", () => {
  let root = "";
  let number = 0;
  const closing: (() => Promise<void>)[] = [];
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), "hostflame-hostile-"));
  });
  after(async () => {
    await Promise.all(closing.map((close) => close()));
    rmSync(root, { recursive: true });
  });

  /** Tries and tries again: what is told of it, in metrics, log and for people; nothing grows, nothing is lost. */
  async function endure(kind: string, { url, options = {}, reason }: Situation): Promise<void> {
    const log = quietLog();
    const exporter = deliverTo(
      openIntake({ kind, url, options }),
      { ...DELIVERY_DEFAULTS, spoolDirectory: path.join(root, String(number++)), tryMs: TRY_MS, stopMs: 100 },
      { log, random: () => 0.02 },
    );
    try {
      await exporter.export(knownBatch(), new AbortController().signal);
      await until(() => triesOf(exporter) >= 2 || refusedOf(exporter) > 0);
      const filesThen = openFiles().length;
      const heapThen = process.memoryUsage().arrayBuffers;
      await until(() => triesOf(exporter) >= TRIES || refusedOf(exporter) === UPLOADS);
      assert.ok(openFiles().length <= filesThen + 3, openFiles().join(" "));
      assert.ok(process.memoryUsage().arrayBuffers < heapThen + (8 << 20));
      const { status, problem } = exporter;
      const metrics = await textOf(exporter);
      if (refusedOf(exporter) > 0) {
        assert.match(`refused ${[...status.refused.keys()].join()}`, reason);
        assert.match(metrics, /delivery_uploads_total\{[^}]*result="refused"/);
        assert.ok(log.events.includes("upload_refused"));
        assert.equal(status.spool.uploads + status.memory.uploads, 0);
        return;
      }
      assert.ok(
        [...status.retries.keys()].every((each) => reason.test(each)),
        [...status.retries.keys()].join(),
      );
      assert.match(metrics, new RegExp(`delivery_retries_total\\{[^}]*reason="${[...status.retries.keys()][0]}"`));
      assert.match(metrics, /hostflame_delivery_away_seconds\{[^}]*\} 0*\.?\d*[1-9]/);
      assert.ok(log.events.includes("intake_away"), log.events.join());
      assert.match(problem, /has taken nothing for \d+ s \(/);
      assert.equal(status.spool.uploads, UPLOADS, "all of it waits on the disk");
      assert.deepEqual([...status.dropped], []);
    } finally {
      await exporter.close();
    }
  }

  async function stub(kind: string, reply: Reply, tls?: Parameters<typeof openGrpcIntake>[0]): Promise<StubIntake> {
    const intake = await (kind === "parca" ? openGrpcIntake(tls) : openHttpIntake(tls === undefined ? {} : { tls }));
    intake.answer(reply);
    closing.push(() => intake.close());
    return intake;
  }

  /** A server that speaks no protocol of ours. */
  async function rawServer(onConnection: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    });
    return (server.address() as AddressInfo).port;
  }

  for (const [kind, options] of KINDS) {
    it(`${kind}: a name that nobody knows`, () =>
      endure(kind, { url: "http://intake.invalid:8126", options, reason: /^dns$/ }));

    for (const [what, reply, reason] of [
      ["accepts and never answers", "silent", /^timeout$/],
      ["answers half", "half", /./],
      ["closes at once", "close", /./],
      ["resets", "reset", /./],
      ["speaks another language", "garbage", /./],
    ] as const) {
      it(`${kind}: one that ${what}`, async () => {
        const { url } = await stub(kind, { kind: reply });
        await endure(kind, { url, options, reason });
      });
    }

    for (const scheme of ["http", "https"]) {
      it(`${kind}: ${scheme} to a port that takes connections and never says a word`, async () => {
        const port = await rawServer((socket) => socket.resume());
        await endure(kind, { url: `${scheme}://127.0.0.1:${port}`, options, reason: /^timeout$/ });
      });
    }

    it(`${kind}: a head of an answer without end`, async () => {
      const line = `x-padding: ${"x".repeat(60_000)}\r\n`;
      const port = await rawServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        const pour = (): void => {
          while (!socket.destroyed && socket.write(line));
        };
        socket.on("drain", pour);
        pour();
      });
      await endure(kind, {
        url: `http://127.0.0.1:${port}`,
        options,
        reason: /^(malformed-answer|unreachable|reset)$/,
      });
    });

    it(`${kind}: one that speaks no TLS where TLS is asked for`, async () => {
      const { url } = await stub(kind, { kind: "good" });
      await endure(kind, { url: url.replace("http:", "https:"), options, reason: /^(tls|reset)$/ });
    });
  }

  for (const [kind] of KINDS) {
    it(`${kind}: a resolver that never answers holds up neither files nor compression`, { skip: noMounts }, () => {
      const [resolvConf, spool] = [path.join(root, "resolv.conf"), path.join(root, `deaf-${kind}`)];
      // Four tries of a lookup each would hold all of libuv's threads for these 20 s.
      writeFileSync(resolvConf, "nameserver 127.0.0.77\noptions timeout:10 attempts:2\n");
      const words = ["-m", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"', "sh", resolvConf];
      const program = path.resolve("build/test/support/deaf-resolver.js");
      const { stdout, stderr } = spawnSync("unshare", [...words, process.execPath, program, kind, spool], {
        encoding: "utf8",
        timeout: 60_000,
      });
      const { writeMs, ...told } = JSON.parse(stdout || JSON.stringify({ stderr })) as { readonly writeMs: number };
      assert.deepEqual(told, { reasons: ["timeout"], waiting: UPLOADS, dropped: [] });
      assert.ok(writeMs < 5000, `${writeMs} ms`);
    });
  }

  it("datadog: a redirect is not followed", async () => {
    const { url } = await stub("datadog", {
      kind: "http",
      status: 307,
      headers: { location: "http://intake.invalid/elsewhere" },
    });
    await endure("datadog", { url, reason: /^refused redirected$/ });
  });

  it("datadog: an answer without end is taken for what its status says, and no more of it is read", async () => {
    const { url } = await stub("datadog", { kind: "huge" });
    const exporter = deliverTo(
      openIntake({ kind: "datadog", url, options: {} }),
      { ...DELIVERY_DEFAULTS, spoolDirectory: path.join(root, "huge"), tryMs: 20_000 },
      { log: quietLog() },
    );
    await exporter.export(knownBatch(), new AbortController().signal);
    await until(() => exporter.status.accepted.uploads === UPLOADS);
    await exporter.close();
  });

  describe("with a certificate", { skip: findProgram("openssl") === undefined ? "needs openssl" : false }, () => {
    for (const [kind, options] of KINDS) {
      for (const [what, name, days, trusted] of [
        ["that has expired", "IP:127.0.0.1", "-1", true],
        ["of another host", "DNS:elsewhere.example", "2", true],
        ["that nobody signed", "IP:127.0.0.1", "2", false],
      ] as const) {
        it(`${what}, ${kind} is sent nothing`, async () => {
          const tls = certificate(name, days);
          const intake = await stub(kind, { kind: "good" }, tls);
          const ca: Readonly<Record<string, string>> = trusted ? { "ca-file": tls.file } : {};
          await endure(kind, { url: intake.url, options: { ...options, ...ca }, reason: /^tls$/ });
          assert.equal(intake.received.length, 0);
        });
      }
    }

    function certificate(name: string, days: string): { key: string; cert: string; file: string } {
      const file = path.join(root, `${number++}.pem`);
      const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=intake"];
      openssl(["req", ...curve, "-addext", `subjectAltName=${name}`, "-keyout", `${file}.key`, "-out", `${file}.csr`]);
      const signing = ["-req", "-in", `${file}.csr`, "-signkey", `${file}.key`, "-copy_extensions", "copy"];
      // Not at its making: there days are positive.
      openssl(["x509", ...signing, "-days", days, "-out", file]);
      return { key: readFileSync(`${file}.key`, "utf8"), cert: readFileSync(file, "utf8"), file };
    }
  });
});

function openssl(words: readonly string[]): void {
  const { status, stderr } = spawnSync("openssl", words, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

function triesOf({ status }: DeliveringExporter): number {
  return [...status.retries.values()].reduce((sum, { uploads }) => sum + uploads, 0);
}

function refusedOf({ status }: DeliveringExporter): number {
  return [...status.refused.values()].reduce((sum, { uploads }) => sum + uploads, 0);
}

function textOf(exporter: DeliveringExporter): Promise<string> {
  const metrics = createMetricRegistry();
  registerDeliveries(metrics, () => [exporter.status]);
  return metrics.text();
}

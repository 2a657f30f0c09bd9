/*
 * node test/receivers/record-references.mjs: what Datadog's own clients send, as test/golden/references/*.json.
 *
 * Installs dd-trace (npm) and ddtrace (PyPI) into a temporary folder, lets each profile a busy loop, and describes the first upload of each: names of
 * headers, parts, keys of the event and their types, keys of tags, what is in the pprof. No value that is theirs, no bytes.
 */
import { spawnSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";

const DD_TRACE = "5.132.0";
const DDTRACE = "4.16.0";
const folder = mkdtempSync(path.join(tmpdir(), "hostflame-references-"));
const uploads = [];
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    if (request.url.startsWith("/profiling/")) {
      uploads.push({
        path: request.url,
        method: request.method,
        headers: request.headers,
        body: Buffer.concat(chunks),
      });
    }
    response.end("{}");
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const env = {
  ...process.env,
  DD_PROFILING_ENABLED: "true",
  DD_TRACE_AGENT_URL: `http://127.0.0.1:${server.address().port}`,
  DD_PROFILING_UPLOAD_PERIOD: "3",
  DD_PROFILING_UPLOAD_INTERVAL: "3",
  DD_INSTRUMENTATION_TELEMETRY_ENABLED: "false",
  DD_SERVICE: "reference",
  DD_ENV: "test",
  DD_VERSION: "1",
};
const NODE_LOOP =
  "const e=Date.now()+7000;(function f(){let x=0;for(let i=0;i<1e6;i++)x+=i;if(Date.now()<e)setTimeout(f,5)})()";
const PYTHON_LOOP = "import time\ne=time.time()+7\nwhile time.time()<e: sum(range(100000))";

try {
  run("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, `dd-trace@${DD_TRACE}`]);
  run("python3", ["-m", "venv", path.join(folder, "venv")]);
  const bin = path.join(folder, "venv/bin");
  run(path.join(bin, "pip"), ["install", "-q", `ddtrace==${DDTRACE}`, "zstandard"]);
  await describe("dd-trace", DD_TRACE, process.execPath, [
    "-r",
    path.join(folder, "node_modules/dd-trace/init"),
    "-e",
    NODE_LOOP,
  ]);
  await describe("ddtrace", DDTRACE, path.join(bin, "ddtrace-run"), [path.join(bin, "python"), "-c", PYTHON_LOOP], bin);
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

function run(command, words, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, words, { maxBuffer: 2 ** 28, ...options });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

async function describe(client, version, command, words, bin) {
  uploads.length = 0;
  await new Promise((resolve) => spawn(command, words, { env, stdio: "ignore" }).on("close", resolve));
  const [{ path: place, method, headers, body }] = uploads;
  const parts = await partsOf(headers["content-type"], body);
  const event = JSON.parse(parts.find(({ name }) => name === "event").bytes.toString("utf8"));
  const description = {
    client: `${client} ${version}`,
    request: `${method} ${place}`,
    headers: Object.keys(headers).sort(),
    parts: parts.map(({ name, fileName, contentType, bytes }) => ({
      name,
      fileName,
      contentType,
      compression: compressionOf(bytes),
    })),
    event: Object.fromEntries(
      Object.entries(event)
        .map(([key, value]) => [key, typeOf(value)])
        .sort(),
    ),
    eventVersion: event.version,
    attachments: event.attachments,
    tags: event.tags_profiler
      .split(",")
      .map((tag) => tag.split(":")[0])
      .sort(),
    pprofs: parts
      .filter(({ name }) => name.endsWith(".pprof"))
      .map(({ name, bytes }) => ({ name, ...pprofFacts(bytes, bin) })),
  };
  const out = "test/golden/references";
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, `${client}.json`), `${JSON.stringify(description, null, 2)}\n`);
}

/** As a reader of its own would: Node's fetch does not tell which parts have no type. */
async function partsOf(contentType, body) {
  const boundary = Buffer.from(`--${/boundary="?([^";]+)/.exec(contentType)[1]}`);
  const parts = [];
  for (let at = body.indexOf(boundary) + boundary.length; ;) {
    const headEnd = body.indexOf("\r\n\r\n", at);
    const end = body.indexOf(Buffer.concat([Buffer.from("\r\n"), boundary]), headEnd);
    if (headEnd < 0 || end < 0) return parts;
    const head = body.toString("latin1", at, headEnd);
    parts.push({
      name: /[; ]name="([^"]*)"/.exec(head)?.[1],
      fileName: /filename="([^"]*)"/.exec(head)?.[1],
      contentType: /content-type: ([^\r\n]+)/i.exec(head)?.[1] ?? "none",
      bytes: body.subarray(headEnd + 4, end),
    });
    at = end + 2 + boundary.length;
  }
}

function compressionOf(bytes) {
  const magic = bytes.toString("hex", 0, 4);
  return magic.startsWith("1f8b") ? "gzip" : magic === "28b52ffd" ? "zstd" : "none";
}

function typeOf(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function pprofFacts(bytes, bin) {
  const plain = compressionOf(bytes) === "zstd" ? unpackZstd(bytes, bin) : gunzipSync(bytes);
  const profile = Profile.decode(plain);
  const text = (index) => profile.stringTable.strings[Number(index)];
  const type = (row) => (row === undefined ? "none" : `${text(row.type)}/${text(row.unit)}`);
  const labels = new Set(
    profile.sample.flatMap(({ label }) =>
      label.map(({ key, str }) => `${text(key)} (${Number(str) === 0 ? "number" : "text"})`),
    ),
  );
  return {
    sampleTypes: profile.sampleType.map(type),
    periodType: type(profile.periodType),
    labels: [...labels].sort(),
  };
}

function unpackZstd(bytes, bin) {
  const program =
    "import sys,zstandard\nsys.stdout.buffer.write(zstandard.ZstdDecompressor().decompressobj().decompress(sys.stdin.buffer.read()))";
  return run(path.join(bin, "python"), ["-c", program], { input: bytes });
}

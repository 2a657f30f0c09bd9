import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import type { CgroupId } from "#src/model/cgroup.js";
import type { Profile } from "#src/model/profile.js";
import { encodePprofGzip } from "#src/profiles/pprof.js";
import { checkValid } from "../../support/check-valid.js";
import { noCSymbols, googlePprofMissing, runGooglePprof } from "../../support/google-pprof.js";
import { knownProfile } from "../../support/known-profile.js";

describe("google/pprof reads what we write", { skip: googlePprofMissing }, () => {
  let directory = "";
  let file = "";
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "hostflame-pprof-"));
    file = await write("known.pb.gz", knownProfile());
  });
  after(() => rmSync(directory, { recursive: true }));

  async function write(name: string, profile: Profile): Promise<string> {
    const bytes = await encodePprofGzip(profile, { comments: ["hostflame 0.1.0"] });
    checkValid(bytes);
    writeFileSync(join(directory, name), bytes);
    return join(directory, name);
  }

  test("-raw shows types, period, labels, mappings and build ids", () => {
    const raw = runGooglePprof("-raw", file);
    assert.match(raw, /^PeriodType: cpu nanoseconds\nPeriod: 10000000\nTime: 2026-01-02 03:04:05/m);
    assert.match(raw, /^Duration: 10s$/m);
    assert.match(raw, /^samples\/count cpu\/nanoseconds\[dflt\]$/m);
    assert.deepEqual(namesOfSample(raw, "300 3000000000"), ["ngx_http_parse", "ngx_worker", "main", "_start"]);
    assert.match(raw, /^ +comm:\[nginx\]\n +pid:\[1000\] tid:\[1000\]$/m);
    assert.match(raw, /^1: 0x1000\/0x2000\/0x1000 \/usr\/bin\/nginx 0{39}1 \[FN\]$/m);
    assert.match(raw, /0xffffffff81000000\/0xffffffff81001000\/0x1000 \[kernel\.kallsyms\] {2}\[FN\]$/m);
  });

  test("-top agrees with our own table", () => {
    const top = runGooglePprof("-top", "-sample_index=samples", file);
    assert.match(top, /^File: nginx$/m);
    assert.match(top, /^Showing nodes accounting for 1000, 100% of 1000 total$/m);
    assert.match(top, /^ +300 30\.00% +30\.00% +300 30\.00% {2}ngx_http_parse$/m);
    assert.match(top, /^ +200 20\.00% .* 200 20\.00% {2}fib$/m);
    assert.match(top, /^ +190 19\.00% .* 190 19\.00% {2}SlowPath \(inline\)$/m);
    assert.match(top, /^ +0 +0% +100% +560 56\.00% {2}ngx_worker$/m);
  });

  test("CPU time is the default", () => {
    assert.match(runGooglePprof("-top", file), /^Type: cpu$[^]*^Duration: 10s, Total samples = 10000ms /m);
  });

  test("a demangled name that has no mangled one is left as it is", () => {
    const name = "<[u8; 16] as core::hash::Hash>::hash<H>";
    assert.ok(runGooglePprof("-top", file).includes(`  ${name}\n`));
  });

  test("-traces writes whole stacks with their labels", () => {
    const traces = runGooglePprof("-traces", file);
    assert.match(traces, /comm: {2}nginx\n.*\n.*\n +3s +ngx_http_parse\n +ngx_worker\n +main\n +_start\n/);
    assert.match(traces, /SlowPath \(inline\)\n +JSON\.parse\n +onRequest\n +v8::Invoke \(inline\)\n +node::Start\n/);
  });

  test("a focus on a label keeps that label's samples", () => {
    const top = runGooglePprof("-top", "-sample_index=samples", "-tagfocus=comm=python3", file);
    assert.match(top, /^Showing nodes accounting for 200, 20\.00% of 1000 total$/m);
  });

  test("comments name the tool", () => {
    assert.match(runGooglePprof("-comments", file), /hostflame 0\.1\.0/);
  });

  test("addresses and mappings lead pprof's own symbolizer to the right functions", { skip: noCSymbols }, async () => {
    const program = join(directory, "program");
    const source =
      "int leaf_function(int x) { return x * 3; }\nint main(int n, char **v) { return leaf_function(n); }\n";
    execFileSync("gcc", ["-O0", "-x", "c", "-", "-o", program], { input: source });
    const symbols = execFileSync("nm", [program], { encoding: "utf8" });
    const addressOf = (name: string) => parseInt(new RegExp(`^([0-9a-f]+) T ${name}$`, "m").exec(symbols)![1], 16);
    const bare = await write("bare.pb.gz", unnamed(program, [addressOf("leaf_function") + 4, addressOf("main") + 8]));
    const traces = runGooglePprof("-traces", "-symbolize=force", bare);
    assert.match(traces, / leaf_function\n +main\n/);
  });
});

/** The functions of the sample with these values, leaf first. Versions differ in how they number locations. */
function namesOfSample(raw: string, values: string): string[] {
  const ids = new RegExp(`^ +${values}: ([\\d ]+)$`, "m").exec(raw)![1].trim().split(" ");
  return ids.map((id) => new RegExp(`^ +${id}: 0x[0-9a-f]+ M=\\d+ (\\S+)`, "m").exec(raw)![1]);
}

/** One stack of these addresses in the program, with names that say nothing. */
function unnamed(program: string, addresses: readonly number[]): Profile {
  const segments = execFileSync("readelf", ["-lW", program], { encoding: "utf8" });
  const [, offset, address, size] = /LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+) 0x\w+ R E/.exec(segments)!.map(Number);
  const known = knownProfile();
  return {
    ...known,
    mappings: [
      {
        start: address,
        limit: Math.ceil((address + size) / 4096) * 4096,
        fileOffset: offset,
        fileName: program,
        buildId: "",
        hasFunctions: false,
      },
    ],
    functions: [{ name: "unnamed", systemName: "unnamed", fileName: "", startLine: 0 }],
    locations: addresses.map((at) => {
      return { mappingIndex: 0, address: at, kind: "native", lines: [{ functionIndex: 0, line: 0 }] };
    }),
    stacks: { length: 1, offsets: Uint32Array.of(0, addresses.length), locations: Uint32Array.from(addresses.keys()) },
    threads: [{ pid: 1, tid: 1, comm: "program", startTimeNs: 1n, cgroup: 1n as CgroupId }],
    samples: {
      length: 1,
      stack: Uint32Array.of(0),
      thread: Uint32Array.of(0),
      count: Uint32Array.of(10),
      ticks: Uint32Array.of(10),
    },
  };
}

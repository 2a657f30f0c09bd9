import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { compareRows } from "../../oracle/compare-rows.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-oracle-"));
after(() => rmSync(directory, { recursive: true }));

/** The path of a shared library as the linker finds it. */
function library(name: string): string {
  return execFileSync("gcc", [`-print-file-name=${name}`], { encoding: "utf8" }).trim();
}

async function agree(path: string, minRows: number): Promise<void> {
  const comparison = await compareRows(path);
  assert.deepEqual(comparison.differences, []);
  assert.equal(comparison.differing, 0);
  assert.ok(comparison.rows >= minRows, `${comparison.rows} rows`);
  // Code that switches stacks: longjmp, setcontext, what follows eh_return.
  assert.ok(comparison.unsupported <= 10, `${comparison.unsupported} rows without a rule`);
}

describe("every row agrees with readelf", () => {
  for (const name of ["libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"]) {
    it(name, () => agree(library(name), 500));
  }
  it("bash", () => agree("/bin/bash", 5000));

  it("a static executable", () => {
    writeFileSync(join(directory, "static.c"), "int main(void) { return 0; }\n");
    const program = join(directory, "static");
    execFileSync("gcc", ["-O2", "-static", "-o", program, join(directory, "static.c")]);
    return agree(program, 5000);
  });

  const go = ["/usr/local/go/bin/go", "/usr/bin/go"].find(existsSync);
  it("a Go executable's compressed .debug_frame", { skip: go === undefined && "no Go here" }, () => {
    writeFileSync(join(directory, "main.go"), 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(1) }\n');
    const program = join(directory, "go");
    execFileSync(go ?? "", ["build", "-o", program, join(directory, "main.go")], {
      env: {
        ...process.env,
        HOME: directory,
        GOFLAGS: "-mod=mod",
        CGO_ENABLED: "0",
        GOCACHE: process.env["GOCACHE"] ?? join(tmpdir(), "hostflame-go-cache"),
      },
    });
    return agree(program, 5000);
  });
});

/**
 * Holds the Rust demanglers against the crate rustc-demangle, written without hashes, on every Rust name in the symbol
 * tables of files. Needs cargo, and the crate from crates.io:
 *
 *   node build/test/oracle/compare-rust-names.js FILE...
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demangle } from "#src/symbols/demangle/demangle.js";
import { MAX_OUTPUT } from "#src/symbols/demangle/limits.js";

const MANIFEST = `[package]
name = "demangle-lines"
version = "0.0.0"
edition = "2021"

[dependencies]
rustc-demangle = "=0.1.28"
`;

const PROGRAM = `use std::io::{stdin, stdout, BufRead, BufWriter, Write};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    for line in stdin().lock().lines() {
        writeln!(out, "{:#}", rustc_demangle::demangle(&line?))?;
    }
    Ok(())
}
`;

function rustNames(file: string): string[] {
  const names = new Set<string>();
  for (const options of [["-p"], ["-p", "-D"]]) {
    const lines = execFileSync("nm", [...options, file], { encoding: "latin1", maxBuffer: 2 ** 30, stdio: "pipe" });
    for (const [, name] of lines.matchAll(/ (_R[^\s]*|_ZN[^\s]*17h[0-9a-f]{16}E[^\s]*)$/gm)) names.add(name);
  }
  return [...names];
}

function compare(file: string, program: string): void {
  const names = rustNames(file);
  const input = names.map((name) => `${name}\n`).join("");
  const expected = execFileSync(program, { input, encoding: "utf8", maxBuffer: 2 ** 30 }).split("\n");
  const count = { same: 0, cut: 0, other: 0 };
  names.forEach((name, index) => {
    const actual = demangle(name);
    if (actual === expected[index]) count.same++;
    else if (actual === `${expected[index].slice(0, MAX_OUTPUT - 1)}…`) count.cut++;
    else if (count.other++ < 20) console.log(`${name}\n  the crate ${expected[index]}\n  ours      ${actual}`);
  });
  console.log(`${file}: ${names.length} names, ${count.same} the same, ${count.cut} cut, ${count.other} others`);
}

const directory = mkdtempSync(join(tmpdir(), "hostflame-rust-names-"));
try {
  mkdirSync(join(directory, "src"));
  writeFileSync(join(directory, "Cargo.toml"), MANIFEST);
  writeFileSync(join(directory, "src", "main.rs"), PROGRAM);
  execFileSync("cargo", ["build", "--release", "--quiet"], { cwd: directory, stdio: "inherit" });
  for (const file of process.argv.slice(2)) compare(file, join(directory, "target", "release", "demangle-lines"));
} finally {
  rmSync(directory, { recursive: true });
}

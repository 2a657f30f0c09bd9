import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A program without names, and the file that has them. */
export interface SpinningProgram {
  readonly path: string;
  readonly buildId: string;
  readonly debugFile: Uint8Array;
}

const SOURCE = `volatile unsigned long sink;
static inline __attribute__((always_inline)) void innermost(unsigned long n) {
  for (unsigned long i = 0; i < n; i++) sink += i * i;
}
__attribute__((noinline, noclone)) static void spin(unsigned long n) {
  innermost(n);
  __asm__ volatile("");
}
int main(void) {
  for (;;) {
    spin(50000);
    __asm__ volatile("");
  }
}
`;

/** Builds a program that spins in main;spin, into which innermost is inlined, in lines 3, 6 and 11 of NAME.c; and strips it. */
export function buildSpinning(directory: string, name: string): SpinningProgram {
  const path = join(directory, name);
  const debug = `${path}.debug`;
  writeFileSync(`${path}.c`, SOURCE);
  execFileSync("gcc", ["-g", "-O2", "-Wl,--build-id", "-o", path, `${path}.c`]);
  execFileSync("objcopy", ["--only-keep-debug", path, debug]);
  execFileSync("strip", [path]);
  return { path, buildId: buildIdOf(path), debugFile: readFileSync(debug) };
}

/** As readelf tells it. */
export function buildIdOf(path: string): string {
  const notes = execFileSync("readelf", ["-n", path], { encoding: "utf8" });
  return /Build ID: ([0-9a-f]+)/.exec(notes)?.[1] ?? "";
}

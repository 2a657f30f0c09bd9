/** A program of some 590 MB, nearly all of it debug information, made of two hundred copies of one compiled C++ file. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../test/fixtures/inlined/large.cc", import.meta.url));
const COPIES = 200;

/** Its path; made when it is not there, which takes a minute or two. */
export function makeLargeProgram() {
  const folder = process.env["HOSTFLAME_BENCH_CACHE"] ?? path.join(tmpdir(), "hostflame-bench-cache");
  const program = path.join(folder, "large-program");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: "inherit" });
  const flags = ["-g", "-gdwarf-5", "-O2", "-std=c++17", "-DCOPIES=6", "-DENTRY=entry"];
  run("g++", ...flags, "-c", "-o", "compiled.o", SOURCE);
  // Without its groups of shared sections, and with no name that others see, one file can be linked many times.
  run("ld", "-r", "--force-group-allocation", "compiled.o", "-o", "alone.o");
  run("objcopy", "--keep-global-symbol=none", "alone.o", "hidden.o");
  writeFileSync(path.join(folder, "main.cc"), "int main() { return 0; }\n");
  run("g++", "-o", "large-program.part", "main.cc", ...new Array(COPIES).fill("hidden.o"));
  renameSync(path.join(folder, "large-program.part"), program);
  return program;
}

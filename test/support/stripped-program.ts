import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readBuildId } from "#src/elf/build-id.js";
import { toFileOffset } from "#src/elf/elf-file.js";
import { openProgram, readelfFunctions } from "./elf-image.js";

/** Each function of the chain stands on a line of its own; `local` is in no dynamic symbol table. */
const SOURCE = `static inline __attribute__((always_inline)) int inner(volatile int *x) {
  return *x * 3;
}
static __attribute__((noinline)) int local(volatile int *x) {
  return inner(x) + 1;
}
int main(int n, char **v) {
  volatile int x = n;
  return local(&x);
}
`;

/** A program and what was taken out of it. */
export interface StrippedProgram {
  readonly whole: string;
  readonly stripped: string;
  /** A file called `program.debug`. */
  readonly debug: string;
  readonly buildId: string;
  /** File offset at which `inner` runs, inlined into `local`. */
  readonly offset: number;
  /** The source's path, to be taken out of what is compared. */
  readonly source: string;
}

/** Chain of {@link StrippedProgram.offset}, with the source called `program.c`. */
export const WHOLE_CHAIN = "inner program.c:1:2 < local program.c:4:5";

/** Builds them in a folder: `program`, `stripped` with a debuglink, `program.debug`. */
export function buildStripped(folder: string, flags: readonly string[] = []): StrippedProgram {
  mkdirSync(folder, { recursive: true });
  const [source, whole, stripped, debug] = ["program.c", "program", "stripped", "program.debug"].map((name) =>
    join(folder, name),
  );
  writeFileSync(source, SOURCE);
  execFileSync("gcc", ["-g", "-O1", "-Wl,--build-id=sha1", ...flags, "-o", whole, source], { cwd: folder });
  execFileSync("objcopy", ["--only-keep-debug", whole, debug]);
  execFileSync("objcopy", ["--strip-all", `--add-gnu-debuglink=${debug}`, whole, stripped]);
  const elf = openProgram(whole);
  const { start } = readelfFunctions(whole).find(({ name }) => name === "local")!;
  return { whole, stripped, debug, buildId: readBuildId(elf), offset: toFileOffset(elf, start)!, source };
}

/** Where the debug file of a build id lies. */
export function buildIdPath(buildId: string): string {
  return `/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
}

/** Copies a file to a path in a root, with its folders. Gives the copy's own path. */
export function place(file: string, root: string, path: string): string {
  const copy = join(root, path);
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(file, copy);
  return copy;
}

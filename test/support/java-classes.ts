import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { findJavac } from "./jdk.js";

/** Compiles the sources of a folder of test/workloads for JDK 8 and later, or finds them compiled. Gives the class path. */
export function javaClasses(folder: string): string {
  const sources = path.resolve("test/workloads", folder);
  const files = readdirSync(sources).filter((name) => name.endsWith(".java"));
  const hash = createHash("sha256");
  for (const file of files.sort()) hash.update(file).update(readFileSync(path.join(sources, file)));
  const classes = path.resolve("build/workloads", `${folder}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(classes)) return classes;
  const javac = findJavac();
  if (javac === undefined) throw new Error("no Java compiler");
  const making = `${classes}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    const options = ["--release", "8", "-Xlint:-options", "-g", "-d", making];
    execFileSync(javac, [...options, ...files], { cwd: sources, stdio: ["ignore", "ignore", "inherit"] });
    if (!existsSync(classes)) renameSync(making, classes);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return classes;
}

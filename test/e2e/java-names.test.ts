import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { FoldedStack } from "../support/folded.js";
import { javaClasses } from "../support/java-classes.js";
import { findJavac, findJdk, type Jdk, type JdkVersion } from "../support/jdk.js";
import { cannotRecord, recordWhile } from "../support/record.js";

/** How long each JVM loads classes, runs them and forgets them: `TRUTH_MINUTES=10 npm test -- e2e/java-names` looks longer. */
const SECONDS = Math.round(Number(process.env["TRUTH_MINUTES"] ?? 0.4) * 60);
const THREADS = 200;
const WARM_UP_SECONDS = 5;
/** So little memory and such eager compilers that what is forgotten is used again at once. */
const OPTIONS = [
  ...["-Xmx128m", "-XX:ReservedCodeCacheSize=8m"],
  ...["-XX:Tier3InvocationThreshold=20", "-XX:Tier3BackEdgeThreshold=200"],
  ...["-XX:Tier4InvocationThreshold=300", "-XX:Tier4BackEdgeThreshold=4000"],
];
const RUNS: readonly { readonly version: JdkVersion; readonly collector: string }[] = [
  { version: 17, collector: "-XX:+UseSerialGC" },
  { version: 25, collector: "-XX:+UseG1GC" },
];
const FRAME = /^T(\d{8})\.(?:(applyAsLong)|[mn](\d{8})|<.*>)(?:_\[i\])?$/;

interface Verdict {
  /** Samples of threads that ran a class, by what became of them. */
  readonly right: number;
  readonly unnamed: number;
  readonly classes: number;
  readonly wrong: readonly string[];
}

/** The name of a sample's thread is the truth: each frame of a class is of that one, in the order that they call each other. */
function judge(stacks: readonly FoldedStack[]): Verdict {
  const wrong: string[] = [];
  const classes = new Set<string>();
  let [right, unnamed] = [0, 0];
  for (const { comm, frames, count } of stacks) {
    const id = /^t(\d{8})$/.exec(comm)?.[1];
    const found = frames.flatMap((frame) => FRAME.exec(frame) ?? []).filter((part) => /^\d{8}$/.test(part ?? ""));
    if (found.some((part) => part !== id)) wrong.push(`${count} ${comm};${frames.join(";")}`);
    else if (found.length > 0) right += count;
    else if (id !== undefined) unnamed += count;
    if (found.length > 0) classes.add(found[0]);
  }
  return { right, unnamed, classes: classes.size, wrong };
}

async function runTruth(jdk: Jdk, options: readonly string[], seconds: number, threads: number): Promise<void> {
  const [command, ...args] = jdk.java;
  const argv = [...args, ...OPTIONS, ...options, "-cp", javaClasses("java-truth"), "Truth", String(seconds)];
  const child = spawn(command, [...argv, String(threads)], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  try {
    await once(child, "close");
    assert.equal(child.exitCode, 0, errors);
  } finally {
    child.kill("SIGKILL");
  }
}

describe(
  "names of the JVM's methods",
  { skip: cannotRecord() ?? (findJavac() === undefined && "no Java compiler") },
  () => {
    for (const { version, collector } of RUNS) {
      const jdk = findJdk(version);
      const skip = typeof jdk === "string" ? jdk : false;
      it(`are the right ones while classes come and go: ${version}, ${collector}`, { skip }, async (test) => {
        if (typeof jdk === "string") return;
        const { stacks } = await recordWhile({ frequency: 499 }, async () => {
          // So that libjvm.so is known: beside two hundred threads its rows would take their time.
          await runTruth(jdk, [collector], WARM_UP_SECONDS, 1);
          await runTruth(jdk, [collector], SECONDS, THREADS);
        });
        const verdict = judge(stacks);
        test.diagnostic(`${verdict.right} right, ${verdict.unnamed} unnamed, ${verdict.classes} classes`);
        assert.deepEqual(verdict.wrong.slice(0, 5), []);
        // Two hundred threads on two CPUs load classes faster than anybody reads them: that a class is gone is no wrong name.
        assert.ok(verdict.classes > 50 && verdict.right > 300, JSON.stringify({ ...verdict, wrong: [] }));
      });
    }
  },
);

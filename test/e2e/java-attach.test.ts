import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { javaClasses } from "../support/java-classes.js";
import { findJavac, findJdk, type JdkVersion } from "../support/jdk.js";
import { cannotRecord, recordWhile } from "../support/record.js";

const VERSIONS: readonly JdkVersion[] = [8, 17, 25];
/** Of that, a second or two nothing is known of libjvm.so, whose rows take a while. */
const RECORDED_MS = 8000;
const SECONDS = 30;
const FREQUENCY = 199;
/** Neither a collection nor a compilation, whose threads would show libjvm.so. */
const OPTIONS = ["-XX:+UseSerialGC", "-Xms64m"];
const WHOLE = /(clone3?|thread_start|start_thread|libc\.so\.6\+0x[0-9a-f]+);.*Quiet\.main;/;

describe(
  "a JVM that ran before anybody looked, and runs compiled code only",
  { skip: cannotRecord() ?? (findJavac() === undefined && "no Java compiler") },
  () => {
    for (const version of VERSIONS) {
      const jdk = findJdk(version);
      it(
        `is known as one, and has whole stacks: ${version}`,
        {
          skip: typeof jdk === "string" ? jdk : false,
        },
        async (test) => {
          if (typeof jdk === "string") return;
          const [command, ...args] = jdk.java;
          const argv = [...args, ...OPTIONS, "-cp", javaClasses("java-quiet"), "Quiet", String(SECONDS * 1000)];
          const child = spawn(command, argv, { stdio: ["ignore", "pipe", "ignore"] });
          try {
            await once(child.stdout, "data");
            const { stacks } = await recordWhile({ frequency: FREQUENCY, args: ["--pid", String(child.pid)] }, () =>
              sleep(RECORDED_MS),
            );
            const burning = stacks.filter(
              ({ comm, frames }) => comm === "java" && !frames.every((frame) => frame.endsWith("_[k]")),
            );
            const sum = (those: typeof stacks): number => those.reduce((total, { count }) => total + count, 0);
            const whole = sum(burning.filter(({ frames }) => WHOLE.test(frames.join(";"))));
            test.diagnostic(`${whole} whole of ${sum(burning)}`);
            assert.ok(
              whole >= 0.6 * sum(burning) && whole > 0.4 * (RECORDED_MS / 1000) * FREQUENCY,
              burning
                .slice(0, 3)
                .map(({ frames }) => frames.join(";"))
                .join("\n"),
            );
          } finally {
            child.kill("SIGKILL");
          }
        },
      );
    }
  },
);

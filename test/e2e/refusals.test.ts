import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";

const main = path.resolve("dist/main.js");
const isRoot = process.getuid?.() === 0;

interface Ending {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function hostflame(prefix: readonly string[], ...words: readonly string[]): Ending {
  const [command, ...rest] = [...prefix, process.execPath, main, ...words];
  return spawnSync(command, rest, { encoding: "utf8", timeout: 60_000 });
}

/** One line, one sentence, exit code as promised; nothing on standard output that could be taken for a result. */
function assertRefusal({ status, stdout, stderr }: Ending, exitCode: number, pattern: RegExp): void {
  assert.match(stderr, /^hostflame: [^\n]+[.?]\n$/);
  assert.match(stderr, pattern);
  assert.equal(stdout, "");
  assert.equal(status, exitCode);
}

/** nobody, without the groups and capabilities of whoever runs the tests. */
const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
/** This machine with what is in that folder hidden, for one process. */
const without = (folder: string) => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `mount -t tmpfs none ${folder} && exec "$@"`,
  "sh",
];

describe("a refusal is one clear sentence and an exit code", { skip: isRoot ? false : "needs root" }, () => {
  it("without root", (context) => {
    if (!othersMayRead(main)) {
      context.skip(`${main} lies where nobody else may read`);
      return;
    }
    assertRefusal(hostflame(asNobody, "record"), 3, /run as root \(sudo\), or give CAP_BPF/);
  });

  it("without BTF", () => {
    assertRefusal(hostflame(without("/sys/kernel/btf"), "record"), 3, /CONFIG_DEBUG_INFO_BTF=y/);
  });

  it("in another pid namespace", () => {
    const inPidNamespace = ["unshare", "--pid", "--fork", "--mount-proc"];
    assertRefusal(hostflame(inPidNamespace, "record"), 3, /--pid=host, or hostPID: true/);
  });

  it("for a file that cannot be written", () => {
    assertRefusal(hostflame([], "record", "--output", "/proc/self/x.pb.gz"), 1, /^hostflame: \/proc\/self/);
    assertRefusal(hostflame([], "record", "--output", "/tmp"), 2, /--output does not accept \/tmp: that is a folder/);
  });
});

describe("a mistake is one clear sentence and an exit code", () => {
  for (const [words, pattern] of [
    [["record", "--frequency", "0"], /--frequency does not accept "0": it accepts a whole number from 1 to 999/],
    [["record", "--duration", "forever"], /--duration does not accept "forever"/],
    [["record", "--flamgraph", "x"], /did you mean --flamegraph/],
    [["rekord"], /did you mean record/],
  ] as const) {
    it(words.join(" "), () => assertRefusal(hostflame([], ...words), 2, pattern));
  }
});

describe("hostflame check", () => {
  it("says as nobody what is missing, and exits 1", { skip: isRoot ? false : "needs root" }, (context) => {
    if (!othersMayRead(main)) {
      context.skip(`${main} lies where nobody else may read`);
      return;
    }
    const { status, stdout } = hostflame(asNobody, "check");
    assert.equal(status, 1);
    assert.match(stdout, /^missing {2}right to load BPF programs/m);
    assert.match(stdout, /cannot be profiled yet/);
  });

  it("gives JSON", () => {
    const { stdout } = hostflame([], "check", "--json");
    const { schema, findings } = JSON.parse(stdout) as { schema: number; findings: readonly { id: string }[] };
    assert.equal(schema, 1);
    assert.ok(findings.some(({ id }) => id === "programs"));
  });
});

/** Whether every folder above a file lets others through; root's own access says nothing about nobody's. */
function othersMayRead(file: string): boolean {
  const { status } = spawnSync(asNobody[0], [...asNobody.slice(1), "test", "-r", file]);
  accessSync(file, constants.R_OK);
  return status === 0;
}

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { explainError, explainNativeError } from "#src/cli/explain.js";

function nativeError(code: string, operation: string, log = ""): Error {
  return Object.assign(new Error(`${operation}: ${code}`), { code, operation, log });
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  assert.fail("did not throw");
}

const VERIFIER_LOG = `0: R1=ctx(id=0,off=0,imm=0) R10=fp0
; int sample(struct bpf_perf_event_data *ctx)
5: (61) r2 = *(u32 *)(r1 +400)
invalid bpf_context access off=400 size=4
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: failed to load program 'sample'
`;

describe("what the kernel refuses", () => {
  for (const [title, error, exitCode, pattern] of [
    [
      "loading without rights",
      nativeError("EPERM", "load program sample"),
      3,
      /run as root, or give CAP_BPF and CAP_PERFMON/,
    ],
    [
      "making a map without rights",
      nativeError("EPERM", "create map rules"),
      3,
      /refused to create map rules \(EPERM\)/,
    ],
    ["sampling", nativeError("EACCES", "perf_event_open on cpu 3"), 3, /on cpu 3.*kernel\.perf_event_paranoid is 3/],
    [
      "the verifier",
      nativeError("EACCES", "load program sample", VERIFIER_LOG),
      3,
      /invalid bpf_context access off=400 size=4/,
    ],
    [
      "no BTF",
      nativeError("ESRCH", "load program sample", "libbpf: failed to find valid kernel BTF\n"),
      3,
      /CONFIG_DEBUG_INFO_BTF=y/,
    ],
    ["no bpf system call", nativeError("ENOSYS", "create map rules"), 3, /CONFIG_BPF_SYSCALL=y/],
    ["memory", nativeError("ENOMEM", "create map samples"), 1, /--ring-memory/],
    ["descriptors", nativeError("EMFILE", "create table"), 1, /ulimit -n/],
    [
      "anything else",
      nativeError("EINVAL", "update map rules"),
      1,
      /could not update map rules \(EINVAL\); hostflame check/,
    ],
  ] as const) {
    it(`is one sentence: ${title}`, () => {
      const explanation = explainError(error);
      assert.equal(explanation.exitCode, exitCode);
      assert.match(explanation.sentence, pattern);
      assert.match(explanation.sentence, /^[A-Z].*\.$/);
      assert.equal(explainNativeError(error), explanation.sentence);
    });
  }
});

describe("other failures", () => {
  it("of files name the file", () => {
    const missing = errorOf(() => readFileSync("/nonexistent/file"));
    assert.equal(explainError(missing).sentence, "/nonexistent/file: no such file or folder (ENOENT).");
    const folder = errorOf(() => writeFileSync("/tmp", ""));
    assert.equal(explainError(folder).sentence, "/tmp: that is a folder (EISDIR).");
  });

  it("of a clone that is not built say how to build it", () => {
    const error = Object.assign(new Error("Cannot find module 'build/native/hostflame.node'"), {
      code: "MODULE_NOT_FOUND",
    });
    assert.equal(explainError(error).sentence, "The native addon is not built for this machine: run npm run setup.");
  });

  it("speak for themselves, in one line", () => {
    assert.deepEqual(explainError(new Error("one\n  two")), { sentence: "one two", exitCode: 1 });
    assert.deepEqual(explainError("thrown text"), { sentence: "thrown text", exitCode: 1 });
  });
});

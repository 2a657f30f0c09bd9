#!/usr/bin/env node
/**
 * Takes the recordings of this folder from real processes: gdb (take.py) stops a workload, writes down what an unwinder
 * would start from, and says itself what the stack is; our converter adds the rows around each frame.
 *
 *     node test/bpf-host/take.mjs [NAME…]      all, or these, into test/bpf-host/recordings/
 *
 * Where our rows and gdb's frames disagree, the test that reads the recording fails: that is what it is for.
 */
import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildWorkload } from "../../build/test/support/workload.js";
import { WORKLOADS } from "../../build/test/workloads/catalogue.js";
import { FileSource } from "../../dist/elf/byte-source.js";
import { convert } from "../../dist/unwind/convert.js";
import {
  formatFixedRule,
  formatRule,
  RULE_FIRST_FREE,
  RULE_WORDS,
  emptyRule,
  unpackRule,
} from "../../dist/unwind/rule.js";

/** name: of the file. through: where gdb goes first; at: where it stops; hits: how often it passes that before; steps: instructions from there. outcome: where that is not complete. */
const SITES = [
  {
    name: "leaf",
    workload: "split-pie",
    at: "*beta_leaf",
    hits: 3,
    steps: 4,
    about: "In beta_leaf, past its first instructions.",
  },
  {
    name: "prologue",
    workload: "split-pie",
    at: "*beta_middle",
    hits: 3,
    steps: 5,
    about: "Amid the pushes of beta_middle.",
  },
  {
    name: "epilogue",
    workload: "split-pie",
    at: "*beta_leaf",
    hits: 3,
    steps: 0,
    about: "At the first instruction: nothing pushed.",
  },
  {
    name: "clang",
    workload: "split-clang",
    at: "*beta_middle",
    hits: 3,
    steps: 5,
    about: "The same function, as clang compiles it.",
  },
  {
    name: "static",
    workload: "split-static",
    at: "*alpha_leaf",
    hits: 3,
    steps: 4,
    about: "Linked statically: libc's start code is in the file.",
  },
  {
    name: "debug-frame",
    workload: "split-dbgframe",
    at: "*alpha_leaf",
    hits: 3,
    steps: 4,
    about: "Rows from .debug_frame only.",
  },
  {
    name: "realigned-frame",
    workload: "frames",
    at: "leaf",
    through: "*with_alignment",
    hits: 0,
    steps: 6,
    about: "Called by a function that realigned its stack.",
  },
  {
    name: "realigning",
    workload: "frames",
    at: "*with_alignment",
    hits: 1,
    steps: 2,
    about: "A function that has its caller's frame in r10 only.",
  },
  {
    name: "big-frame",
    workload: "frames",
    at: "leaf",
    through: "*with_big_frame",
    hits: 0,
    steps: 6,
    about: "Over 48 KiB of locals between two frames.",
  },
  {
    name: "noreturn",
    workload: "frames",
    at: "*never_returns",
    hits: 1,
    steps: 3,
    about: "A call that is the last instruction of its function.",
  },
  {
    name: "signal-handler",
    workload: "signal",
    at: "*handler_leaf",
    hits: 3,
    steps: 4,
    about: "Through the kernel's signal frame.",
  },
  {
    name: "signal-alternate-stack",
    workload: "sigaltstack",
    at: "*handler_leaf",
    hits: 3,
    steps: 4,
    about: "The handler has a stack of its own, below all others.",
  },
  {
    name: "plt-before-push",
    workload: "plt-classic",
    at: "_dl_runtime_resolve_xsavec",
    hits: 3,
    steps: 0,
    about: "The lazy binder's first instruction.",
  },
  {
    name: "lazy-binding",
    workload: "plt-classic",
    at: "_dl_fixup",
    hits: 3,
    steps: 20,
    about: "Below the binder, whose CFA is in rbx.",
  },
  {
    name: "recursion",
    workload: "recursion-60",
    at: "*bottom",
    hits: 3,
    steps: 4,
    about: "Sixty frames of one function.",
  },
  {
    name: "coroutine",
    workload: "coroutine",
    at: "*coroutine_leaf",
    hits: 3,
    steps: 4,
    about: "libc's start of a context has no mark of an end: what lies above it is data.",
    outcome: "no-mapping",
  },
  {
    name: "exception",
    workload: "exceptions",
    at: "_Unwind_Find_FDE",
    hits: 10,
    steps: 6,
    about: "Inside the unwinder of libgcc, below a throw.",
  },
  {
    name: "generated-code",
    workload: "jit",
    at: "*generated_calls",
    hits: 3,
    steps: 4,
    about: "Called by code without a file, which keeps its frame pointer; gdb's guess at its caller is left out.",
  },
  {
    name: "assembly-digest",
    workload: "crypto",
    at: "SHA256_Update",
    hits: 2,
    steps: 4000,
    about: "In libcrypto's SHA-256, which keeps its caller's frame in a word of its own.",
  },
  {
    name: "assembly-cipher",
    workload: "crypto",
    at: "EVP_EncryptUpdate",
    hits: 0,
    steps: 9000,
    about:
      "In a helper of libcrypto's AES-GCM, whose caller has its CFA in rax: a register that no call need keep, and this one does.",
  },
  {
    name: "assembly-multiplication",
    workload: "crypto",
    at: "BN_mod_mul_montgomery",
    hits: 5,
    steps: 120,
    about: "In libcrypto's Montgomery multiplication, whose CFA is *(rsp + 8 + 8 * r9) + 8.",
  },
];

function rowsOf(path) {
  const fd = openSync(path, "r");
  try {
    const { rows } = convert(new FileSource(fd, fstatSync(fd).size));
    if (rows === undefined) return [];
    const words = new Uint32Array(rows.rules.buffer, rows.rules.byteOffset, rows.rules.byteLength >> 2);
    return Array.from(rows.fileOffsets, (offset, index) => {
      const number = rows.ruleIndices[index];
      if (number < RULE_FIRST_FREE) return { offset, rule: formatFixedRule(number) };
      return { offset, rule: formatRule(unpackRule(words, (number - RULE_FIRST_FREE) * RULE_WORDS, emptyRule())) };
    });
  } finally {
    closeSync(fd);
  }
}

/** Rows in force at the offsets, and two neighbours on each side. */
function excerpt(rows, offsets) {
  const wanted = new Set();
  for (const offset of offsets) {
    let index = rows.findLastIndex((row) => row.offset <= offset);
    for (
      index -= 2;
      wanted.size < rows.length && index <= rows.findLastIndex((row) => row.offset <= offset) + 2;
      index++
    ) {
      if (rows[index] !== undefined) wanted.add(index);
    }
  }
  return [...wanted].sort((a, b) => a - b).map((index) => rows[index]);
}

function stop({ workload, through, at, hits, steps }) {
  const built = buildWorkload(WORKLOADS.find(({ name }) => name === workload));
  const directory = mkdtempSync(join(tmpdir(), "hostflame-take-"));
  const out = join(directory, "taken.json");
  try {
    const args = [
      "-nx",
      "-q",
      "-batch",
      "-x",
      "test/bpf-host/take.py",
      "--args",
      built.path,
      "400",
      ...(built.workload.args ?? []),
    ];
    const environment = {
      TAKE_OUT: out,
      TAKE_THROUGH: through ?? "",
      TAKE_AT: at,
      TAKE_HITS: String(hits),
      TAKE_STEPS: String(steps),
    };
    execFileSync("gdb", args, { env: { ...process.env, ...environment }, stdio: ["ignore", "ignore", "ignore"] });
    return JSON.parse(readFileSync(out, "utf8"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function locate(mappings, address) {
  const mapping = mappings.find(({ start, end }) => BigInt(start) <= address && address < BigInt(end));
  return mapping && { mapping, offset: Number(address - BigInt(mapping.start) + BigInt(mapping.offset)) };
}

function textOf(site, taken) {
  const { registers, mappings } = taken;
  const located = taken.frames
    .map((frame) => ({ ...frame, ...locate(mappings, BigInt(frame.address)) }))
    .filter(({ mapping }) => mapping);
  const used = [...new Set(located.map(({ mapping }) => mapping))];
  const files = [...new Set(used.map(({ path }) => path).filter((path) => path.startsWith("/")))];
  const idOf = ({ path }) => files.indexOf(path) + 1;
  const bare = (hex) => hex.slice(2);
  const lines = [
    `recording ${site.name}`,
    `# ${site.about} From the workload ${site.workload}.`,
    `registers ip=${registers.rip} sp=${registers.rsp} fp=${registers.rbp} bx=${registers.rbx} lr=0x0 return_address=0`,
    `leaf ${Object.values(registers).map(bare).join(" ")}`,
    ...files.map((path, index) => `executable ${index + 1} ${basename(path)}`),
    ...used.map(
      (mapping) => `mapping ${bare(mapping.start)} ${bare(mapping.end)} ${bare(mapping.offset)} ${idOf(mapping)}`,
    ),
  ];
  for (const [index, path] of files.entries()) {
    const offsets = located.filter(({ mapping }) => mapping.path === path).map(({ offset }) => offset);
    const rows = excerpt(rowsOf(path), offsets);
    lines.push(...rows.map(({ offset, rule }) => `row ${index + 1} ${offset.toString(16)} ${rule}`));
  }
  for (const { address, words } of taken.stacks) {
    for (let index = 0; index < words.length; index += 8) {
      const at = BigInt(address) + BigInt(index * 8);
      lines.push(
        `stack ${at.toString(16)} ${words
          .slice(index, index + 8)
          .map(bare)
          .join(" ")}`,
      );
    }
  }
  for (const { address, name, mapping, offset } of located) {
    lines.push(
      `frame ${idOf(mapping)} ${idOf(mapping) === 0 ? address : `0x${offset.toString(16)}`} ${name}`.trimEnd(),
    );
  }
  return `${lines.join("\n")}\noutcome ${site.outcome ?? "complete"}\n`;
}

const names = process.argv.slice(2);
for (const site of SITES) {
  if (names.length > 0 && !names.includes(site.name)) continue;
  try {
    const taken = stop(site);
    writeFileSync(`test/bpf-host/recordings/${site.name}.txt`, textOf(site, taken));
    console.log(`${site.name}: ${taken.frames.length} frames`);
  } catch (error) {
    console.log(`${site.name}: ${error.message.split("\n")[0]}`);
  }
}

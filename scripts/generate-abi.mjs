// Writes src/native/abi.generated.ts: offsets, sizes, enums, limits and counters of bpf/abi.h, bpf/stats.h and
// bpf/interpreters/*_layout.h as TypeScript. Field offsets and enum values come from the BTF that clang makes of the headers, so that no layout rule
// is written twice; only names are read from the text.
//
//   node scripts/generate-abi.mjs            writes the file
//   node scripts/generate-abi.mjs --check    fails when the file is not what it would write
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = join(root, "src/native/abi.generated.ts");
const abiHeader = readFileSync(join(root, "bpf/abi.h"));
const statsHeader = readFileSync(join(root, "bpf/stats.h"));
/** What each interpreter's program is told of a file. */
const layoutNames = readdirSync(join(root, "bpf/interpreters"))
  .filter((name) => name.endsWith("_layout.h"))
  .sort();
const layoutHeaders = layoutNames.map((name) => readFileSync(join(root, "bpf/interpreters", name)));

/** The same bytes that native/CMakeLists.txt hashes. */
function fingerprint() {
  return createHash("sha256")
    .update(Buffer.concat([abiHeader, statsHeader, ...layoutHeaders]))
    .digest("hex")
    .slice(0, 16);
}

const camel = (name) => name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** Names declared in abi.h and the layouts, in order. */
function declaredNames() {
  const text = Buffer.concat([abiHeader, ...layoutHeaders])
    .toString("utf8")
    .replace(/\/\*[^]*?\*\//g, "");
  const all = (pattern) => [...text.matchAll(pattern)].map((match) => match[1]);
  return {
    structs: all(/^struct (abi_\w+) \{/gm),
    enums: all(/^enum (abi_\w+) \{/gm),
    limits: all(/^#define (ABI_\w+)[ \t]+[-(\d]/gm),
  };
}

/** The list STAT(name, "help") of stats.h. */
function counters() {
  const text = statsHeader.toString("utf8").replace(/\\\n/g, " ");
  return [...text.matchAll(/\bSTAT\(\s*(\w+)\s*,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/g)].map((match) => ({
    name: match[1],
    help: [...match[2].matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((part) => JSON.parse(`"${part[1]}"`)).join(""),
  }));
}

/** Compiles a source that refers to every declared type, for a type that nothing refers to is left out of BTF. */
function readBtf({ structs, enums, limits }) {
  const source = [
    '#include "stats.h"',
    ...layoutNames.map((name) => `#include "interpreters/${name}"`),
    ...structs.map((name) => `struct ${name} anchor_${name};`),
    ...enums.map((name) => `enum ${name} anchor_${name};`),
    "struct stats anchor_stats;",
    `enum limits { ${limits.map((name) => `LIMIT_${name} = ${name}`).join(", ")} } anchor_limits;`,
    "",
  ].join("\n");
  const directory = mkdtempSync(join(tmpdir(), "hostflame-abi-"));
  try {
    const object = join(directory, "abi.o");
    writeFileSync(join(directory, "abi.c"), source);
    const clang = process.env.BPF_CLANG ?? "clang";
    const flags = ["-target", "bpf", "-g", "-O2", `-I${join(root, "bpf")}`, "-D__TARGET_ARCH_x86"];
    execFileSync(clang, [...flags, "-c", join(directory, "abi.c"), "-o", object], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    // Debian keeps bpftool in a directory that is not in every PATH.
    const bpftool = existsSync("/usr/sbin/bpftool") ? "/usr/sbin/bpftool" : "bpftool";
    const dump = execFileSync(bpftool, ["-j", "btf", "dump", "file", object, "format", "raw"], { maxBuffer: 1 << 26 });
    return JSON.parse(dump.toString("utf8")).types;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function byName(types, kind, name) {
  const found = types.find((type) => type.kind === kind && type.name === name);
  if (found === undefined) throw new Error(`${name} is in the header and not in its BTF`);
  return found;
}

/** Members of an enum, without the prefix that all of them share. */
function enumMembers(type) {
  const names = type.values.map((value) => value.name);
  // A member called ABI_X_COUNT alone does not make COUNT part of the prefix: cut at the shortest common word boundary.
  let prefix = names[0].slice(0, names[0].lastIndexOf("_") + 1);
  while (!names.every((name) => name.startsWith(prefix))) {
    prefix = prefix.slice(0, prefix.slice(0, -1).lastIndexOf("_") + 1);
  }
  return type.values.map((value) => [camel(value.name.slice(prefix.length)), value.val]);
}

function object(name, comment, entries) {
  const lines = entries.map(([key, value]) => `  ${key}: ${value},`);
  return [`/** ${comment} */`, `export const ${name} = {`, ...lines, "} as const;"].join("\n");
}

function struct(types, name) {
  const type = byName(types, "STRUCT", name);
  const entries = type.members.map((member) => [camel(member.name), member.bits_offset / 8]);
  return object(
    `${camel(name.replace(/^abi_/, ""))}Layout`,
    `struct ${name}: its size, and byte offsets of its fields.`,
    [["sizeOf", type.size], ...entries],
  );
}

function enumeration(types, name) {
  const constant = camel(name.replace(/^abi_/, ""));
  const alias = constant[0].toUpperCase() + constant.slice(1);
  return [
    object(constant, `enum ${name}.`, enumMembers(byName(types, "ENUM", name))),
    `export type ${alias} = (typeof ${constant})[keyof typeof ${constant}];`,
  ].join("\n");
}

function counterTable(types) {
  const list = counters();
  const fields = byName(types, "STRUCT", "stats").members.map((member) => member.name);
  if (fields.join() !== list.map((counter) => counter.name).join()) {
    throw new Error("struct stats does not have exactly the counters of its list");
  }
  const rows = list.flatMap(({ name, help }) => {
    const line = `  { name: ${JSON.stringify(name)}, help: ${JSON.stringify(help)} },`;
    if (line.length <= 120) return [line];
    return ["  {", `    name: ${JSON.stringify(name)},`, `    help: ${JSON.stringify(help)},`, "  },"];
  });
  return [
    "/** Counters in the order of struct stats: counter i of a CPU is the u64 at byte 8 * i of its element. */",
    "export const counters = [",
    ...rows,
    "] as const;",
    'export type CounterName = (typeof counters)[number]["name"];',
  ].join("\n");
}

function generate() {
  const names = declaredNames();
  const types = readBtf(names);
  const limits = byName(types, "ENUM", "limits").values.map(({ name, val }) => [
    camel(name.slice("LIMIT_ABI_".length)),
    val,
  ]);
  return (
    [
      "// Generated by scripts/generate-abi.mjs from bpf/abi.h, bpf/stats.h and bpf/interpreters/*_layout.h. Do not edit.",
      [
        "/** Identifies the headers; the addon and the BPF object carry the same, or are refused. */",
        `export const abiFingerprint = "${fingerprint()}";`,
      ].join("\n"),
      object("limits", "The numbers that abi.h defines, without ABI_.", limits),
      ...names.enums.map((name) => enumeration(types, name)),
      ...names.structs.map((name) => struct(types, name)),
      counterTable(types),
    ].join("\n\n") + "\n"
  );
}

const text = generate();
if (!process.argv.includes("--check")) {
  writeFileSync(output, text);
} else if (!existsSync(output) || readFileSync(output, "utf8") !== text) {
  console.error(
    "src/native/abi.generated.ts does not match bpf/abi.h and bpf/stats.h: run node scripts/generate-abi.mjs",
  );
  process.exitCode = 1;
}

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Profile as PprofProfile } from "pprof-format";
import type { CgroupId } from "../model/cgroup.js";
import type { CodeKind, Profile, ProfileLocation, ProfileThread } from "../model/profile.js";

const decompress = promisify(gunzip);
/** Of a profile before compression: far beyond any of ours, and no more than a worker can hold. */
const MAX_BYTES = 128 << 20;

type Numeric = number | bigint;

/**
 * A profile out of the bytes that `encodePprofGzip` made of it, for whoever wants to look at one that was kept. Of threads
 * pid, tid and comm come back, and of code its kind, by its mapping: neither is in pprof as such.
 *
 * @throws {Error} where the bytes are no gzip, or no such profile.
 */
export async function readPprofGzip(bytes: Uint8Array): Promise<Profile> {
  const pprof = PprofProfile.decode(await decompress(bytes, { maxOutputLength: MAX_BYTES }));
  const text = (index: Numeric): string => pprof.stringTable.strings[Number(index)] ?? "";
  const period = Number(pprof.period);
  const mappings = pprof.mapping.map((mapping) => ({
    start: Number(mapping.memoryStart),
    limit: Number(mapping.memoryLimit),
    fileOffset: Number(mapping.fileOffset),
    fileName: text(mapping.filename),
    buildId: text(mapping.buildId),
    hasFunctions: mapping.hasFunctions,
  }));
  const functions = pprof.function.map((fn) => ({
    name: text(fn.name),
    systemName: text(fn.systemName) === "" ? text(fn.name) : text(fn.systemName),
    fileName: text(fn.filename),
    startLine: Number(fn.startLine),
  }));
  const kinds = mappings.map(({ fileName }) => kindOf(fileName));
  const locations = pprof.location.map(({ mappingId, address, line }): ProfileLocation => {
    const mappingIndex = Number(mappingId) - 1;
    return {
      mappingIndex,
      address,
      kind: kinds[mappingIndex] ?? "interpreter",
      lines: line.map(({ functionId, line: number }) => ({
        functionIndex: Number(functionId) - 1,
        line: Number(number),
      })),
    };
  });
  const threads = new Threads();
  const { sample } = pprof;
  const thread = sample.map(({ label }) => {
    const row = { pid: 0, tid: 0, comm: "" };
    for (const { key, num, str } of label) {
      const name = text(key);
      if (name === "pid" || name === "tid") row[name] = Number(num);
      else if (name === "comm") row.comm = text(str);
    }
    return threads.rowOf(row);
  });
  const offsets = new Uint32Array(sample.length + 1);
  for (const [row, { locationId }] of sample.entries()) offsets[row + 1] = offsets[row] + locationId.length;
  return {
    timeNs: BigInt(pprof.timeNanos),
    durationNs: BigInt(pprof.durationNanos),
    periodNs: period,
    mappings,
    functions,
    locations,
    stacks: {
      length: sample.length,
      offsets,
      locations: Uint32Array.from(sample.flatMap(({ locationId }) => locationId.map((id) => Number(id) - 1))),
    },
    threads: threads.all,
    samples: {
      length: sample.length,
      stack: Uint32Array.from(sample.keys()),
      thread: Uint32Array.from(thread),
      count: Uint32Array.from(sample, ({ value }) => Number(value[0])),
      ticks: Uint32Array.from(sample, ({ value }) => Math.round(Number(value[1]) / period)),
    },
  };
}

/** What the languages' own names call the mapping of their functions. */
const INTERPRETERS: ReadonlySet<string> = new Set(["[python]", "[v8]", "[java]"]);

/** As naming writes mappings: the kernel's and its modules' in brackets, and so what has no file. */
function kindOf(fileName: string): CodeKind {
  if (fileName === "[anon]" || fileName === "[jit]") return "jit";
  if (INTERPRETERS.has(fileName)) return "interpreter";
  if (fileName === "[vdso]" || !fileName.startsWith("[")) return "native";
  return fileName === "[let go]" || fileName === "[unreadable]" ? "native" : "kernel";
}

class Threads {
  readonly all: ProfileThread[] = [];
  private readonly rows = new Map<string, number>();

  rowOf({ pid, tid, comm }: Pick<ProfileThread, "pid" | "tid" | "comm">): number {
    const key = `${pid} ${tid} ${comm}`;
    let row = this.rows.get(key);
    if (row === undefined) {
      row = this.all.push({ pid, tid, comm, startTimeNs: 0n, cgroup: 0n as CgroupId }) - 1;
      this.rows.set(key, row);
    }
    return row;
  }
}

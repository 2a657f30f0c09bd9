import { fstatSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { buildIdOf } from "./debuginfod/build-id-of.js";
import { FileSource, MemorySource, type ByteSource } from "./elf/byte-source.js";
import type { ExecutableContent } from "./executables/executable.js";
import { createResolverCache } from "./symbols/cache.js";
import { resolveKernelSymbols } from "./symbols/kallsyms.js";
import { readKernelTable } from "./symbols/kernel-table.js";
import { symbolize } from "./symbols/symbolize.js";
import { convert } from "./unwind/convert.js";
import { answerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable, WorkerSetting } from "./worker-calls.js";
import { openDebugFiles } from "./worker-debug-files.js";

/** Composition root of the worker thread. */
if (parentPort === null) {
  throw new Error("worker.js is started by hostflame, as a thread of its own");
}

const NOTHING = new MemorySource(new Uint8Array(0));

function sourceOf(content: ExecutableContent): ByteSource {
  switch (content.kind) {
    case "file":
      return new FileSource(content.fd, fstatSync(content.fd).size);
    case "memory":
      return new MemorySource(content.bytes);
    case "none":
      return NOTHING;
  }
}

const resolvers = createResolverCache();
const debuginfodDir = (workerData as WorkerSetting | null)?.debuginfodDir; // who is told nothing reads none
const debugFiles = openDebugFiles(debuginfodDir);

answerCalls<WorkerCallTable>(parentPort, {
  convert(content) {
    const output = convert(sourceOf(content));
    const { rows } = output;
    const columns = rows === undefined ? [] : [rows.fileOffsets, rows.ruleIndices, rows.rules];
    return { output, transfer: columns.map(({ buffer }) => buffer as ArrayBuffer) };
  },
  symbolize(request) {
    return { output: symbolize(request, resolvers, debugFiles), transfer: [] };
  },
  buildId(fd) {
    return { output: buildIdOf(fd), transfer: [] };
  },
  kernel(addresses) {
    return { output: resolveKernelSymbols(addresses), transfer: [] };
  },
  kernelTable() {
    const output = readKernelTable();
    const columns = output === undefined ? [] : [output.starts, output.blocks, output.offsets];
    return { output, transfer: columns.map(({ buffer }) => buffer as ArrayBuffer) };
  },
  async jit(request) {
    const { answerJit, buffersOf } = await import("./jit/answer.js");
    const output = answerJit(request);
    return { output, transfer: buffersOf(output.files.map(({ state }) => state)) };
  },
  async encode({ profile, options }) {
    const { encodePprofGzip } = await import("./profiles/pprof.js");
    return { output: await encodePprofGzip(profile, options), transfer: [] };
  },
  async flamegraph({ profile, about }) {
    const { pagePolicy, renderFlamegraph } = await import("./flamegraph/page.js");
    const { readPprofGzip } = await import("./profiles/read-pprof.js");
    const shown = profile instanceof Uint8Array ? await readPprofGzip(profile) : profile;
    const page = new TextEncoder().encode(renderFlamegraph(shown, about));
    return { output: { page, policy: pagePolicy() }, transfer: [page.buffer] };
  },
});

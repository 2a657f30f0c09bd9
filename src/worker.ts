import { fstatSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { FileSource, MemorySource, type ByteSource } from "./elf/byte-source.js";
import type { ExecutableContent } from "./executables/executable.js";
import { detectInterpreter } from "./interpreters/detect.js";
import { convertInSteps } from "./unwind/convert.js";
import { takeStepsPausing } from "./util/steps.js";
import { answerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable, WorkerSetting } from "./worker-calls.js";
import type { openNaming } from "./worker-naming.js";
import type { openSourceMaps } from "./worker-source-maps.js";

/**
 * Composition root of the worker thread. It is started anew for most files that are met, to make rows before their process
 * ends: all that only names need is loaded when names are asked for.
 */
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

let naming: Promise<ReturnType<typeof openNaming>> | undefined;
let sourceMaps: Promise<ReturnType<typeof openSourceMaps>> | undefined;
const debuginfodDir = (workerData as WorkerSetting | null)?.debuginfodDir; // who is told nothing reads none

answerCalls<WorkerCallTable>(parentPort, {
  async convert(content, pause) {
    const source = sourceOf(content);
    const interpreter = await detectInterpreter(source);
    const walked = interpreter !== undefined && "bytes" in interpreter ? interpreter.walkedCode : undefined;
    const output = { ...(await takeStepsPausing(convertInSteps(source, walked), pause)), interpreter };
    const { rows } = output;
    const columns = rows === undefined ? [] : [rows.fileOffsets, rows.ruleIndices, rows.rules];
    return { output, transfer: columns.map(({ buffer }) => buffer as ArrayBuffer) };
  },
  async symbolize(request) {
    naming ??= import("./worker-naming.js").then(({ openNaming }) => openNaming(debuginfodDir));
    return { output: (await naming)(request), transfer: [] };
  },
  async buildId(fd) {
    const { buildIdOf } = await import("./debuginfod/build-id-of.js");
    return { output: buildIdOf(fd), transfer: [] };
  },
  async kernel(addresses) {
    const { resolveKernelSymbols } = await import("./symbols/kallsyms.js");
    return { output: resolveKernelSymbols(addresses), transfer: [] };
  },
  async kernelTable() {
    const { readKernelTable } = await import("./symbols/kernel-table.js");
    const output = readKernelTable();
    const columns = output === undefined ? [] : [output.starts, output.blocks, output.offsets];
    return { output, transfer: columns.map(({ buffer }) => buffer as ArrayBuffer) };
  },
  async jit(request) {
    const { answerJit, buffersOf } = await import("./jit/answer.js");
    const output = answerJit(request);
    return { output, transfer: buffersOf(output.files.map(({ state }) => state)) };
  },
  async sourceMap(request) {
    sourceMaps ??= import("./worker-source-maps.js").then(({ openSourceMaps }) => openSourceMaps());
    return { output: (await sourceMaps).answer(request), transfer: [] };
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

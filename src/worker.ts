import { fstatSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { FileSource, MemorySource, type ByteSource } from "./elf/byte-source.js";
import type { ExecutableContent } from "./executables/executable.js";
import { resolveKernelSymbols } from "./symbols/kallsyms.js";
import { convert } from "./unwind/convert.js";
import { answerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable } from "./worker-calls.js";

/** Composition root of the worker thread. */
if (parentPort === null) {
  throw new Error("worker.js is started by hostflame, as a thread of its own");
}

function sourceOf(content: ExecutableContent): ByteSource {
  return content.kind === "file"
    ? new FileSource(content.fd, fstatSync(content.fd).size)
    : new MemorySource(content.bytes);
}

answerCalls<WorkerCallTable>(parentPort, {
  convert(content) {
    const output = convert(sourceOf(content));
    const { rows } = output;
    const transfer =
      rows === undefined ? [] : [rows.fileOffsets.buffer, rows.ruleIndices.buffer, rows.rules.buffer];
    return { output, transfer };
  },
  symbolize() {
    throw new Error("later");
  },
  kernel(addresses) {
    return { output: resolveKernelSymbols(addresses), transfer: [] };
  },
});

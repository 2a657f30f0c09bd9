import type { ConvertedFile } from "./capture/conversions.js";
import type { ExecutableContent } from "./executables/executable.js";
import type { FlamegraphAbout } from "./flamegraph/page.js";
import type { JitAnswer, JitRequest } from "./jit/answer.js";
import type { Profile } from "./model/profile.js";
import type { PprofGzipOptions } from "./profiles/pprof.js";
import type { Namer } from "./naming/name-window.js";
import type { SourceMapAnswer, SourceMapRequest } from "./source-maps/request.js";
import type { KernelSymbols } from "./symbols/kallsyms.js";
import type { KernelTableData } from "./symbols/kernel-table.js";
import type { SymbolizeRequest, SymbolizeResult } from "./symbols/resolver.js";
import type { WorkerCalls } from "./util/worker-calls.js";

/** What the worker thread does: everything that reads files, so that no file can hold up the drain. */
export interface WorkerCallTable {
  /** Call frame information → rows; and whether it is an interpreter's file. */
  readonly convert: { readonly input: ExecutableContent; readonly output: ConvertedFile };
  /** Addresses of one executable → names. */
  readonly symbolize: { readonly input: SymbolizeRequest; readonly output: SymbolizeResult };
  /** A descriptor of a file that nobody vouches for → its build ID, "" where it has none. */
  readonly buildId: { readonly input: number; readonly output: string };
  /** Kernel addresses, distinct and ascending → names. */
  readonly kernel: { readonly input: BigUint64Array; readonly output: KernelSymbols };
  /** Nothing → the functions of the kernel's own image; undefined when it does not tell them. */
  readonly kernelTable: { readonly input: undefined; readonly output: KernelTableData | undefined };
  /** Addresses of one process's just-in-time compiled code → names, out of files that it writes. */
  readonly jit: { readonly input: JitRequest; readonly output: JitAnswer };
  /** Points of one process's script → where they come from, by its source map. */
  readonly sourceMap: { readonly input: SourceMapRequest; readonly output: SourceMapAnswer };
  /**
   * A profile → gzipped pprof. For a whole node's: 20,000 stacks take 140 ms to encode, and a tenth of it to hand over.
   * A container's is encoded where it is.
   */
  readonly encode: { readonly input: EncodeRequest; readonly output: Uint8Array };
  /** A profile, or the bytes of a .pb.gz of ours → the page that shows it. */
  readonly flamegraph: { readonly input: FlamegraphRequest; readonly output: FlamegraphPage };
}

/** What every worker is told when it is started. */
export interface WorkerSetting {
  /** Where downloaded debug files are; undefined where none are downloaded. */
  readonly debuginfodDir: string | undefined;
}

export interface FlamegraphRequest {
  readonly profile: Profile | Uint8Array;
  readonly about: FlamegraphAbout;
}

export interface FlamegraphPage {
  /** UTF-8. */
  readonly page: Uint8Array;
  /** The page's own content security policy, for the header. */
  readonly policy: string;
}

export interface EncodeRequest {
  readonly profile: Profile;
  readonly options: PprofGzipOptions;
}

/** A namer that asks the worker. */
export function workerNamer(worker: WorkerCalls<WorkerCallTable>): Namer {
  return {
    symbolize: (request) => worker.call("symbolize", request),
    kernel: (addresses) => worker.call("kernel", addresses),
    kernelTable: () => worker.call("kernelTable", undefined),
  };
}

/** Makes bytes of profiles on the worker. */
export function workerEncoder(worker: WorkerCalls<WorkerCallTable>) {
  return {
    pprof: (profile: Profile, options: PprofGzipOptions) => worker.call("encode", { profile, options }),
    flamegraph: (profile: Profile | Uint8Array, about: FlamegraphAbout) =>
      worker.call("flamegraph", { profile, about }),
  };
}

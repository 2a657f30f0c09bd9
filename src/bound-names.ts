import type { Capture } from "./capture/capture.js";
import { buffersOf } from "./jit/answer.js";
import { V8Names, type V8NamesOptions } from "./interpreters/v8/v8-names.js";
import { JitNames } from "./jit/jit-names.js";
import type { CgroupId } from "./model/cgroup.js";
import type { BoundKind } from "./naming/bound-frames.js";
import { BoundKinds } from "./naming/bound-kinds.js";
import { frameKind } from "./native/abi.generated.js";
import type { ReadAllowance } from "./processes/budget.js";
import { SourceMaps } from "./source-maps/source-maps.js";
import type { WorkerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable } from "./worker-calls.js";

export interface BoundNamesOptions extends ReadAllowance {
  /** Of each kind, what is remembered. */
  readonly memoryBytes: number;
  /** Whether files and memory of a cgroup's processes may be read. */
  readonly mayRead: (cgroup: CgroupId) => boolean;
  /** What may be read of V8's memory, and of scripts and their source maps; as of JIT files when undefined. */
  readonly v8?: ReadAllowance;
  readonly sourceMaps?: ReadAllowance;
}

/** Names of what means something in one process only. */
export interface BoundNaming {
  readonly kinds: BoundKinds;
  readonly jit: JitNames;
  readonly v8: V8Names;
  readonly sourceMaps: SourceMaps;
}

/** Composition of what names JIT code and interpreters' functions: a kind of frame is a line. Told of new stacks by the capture. */
export function openBoundNames(
  capture: Capture,
  worker: WorkerCalls<WorkerCallTable>,
  options: BoundNamesOptions,
): BoundNaming {
  const jit = new JitNames({
    ...options,
    answer: (request) => worker.call("jit", request, buffersOf(request.files.map(({ state }) => state))),
  });
  const sourceMaps = new SourceMaps({
    ...{ ...options, ...options.sourceMaps },
    answer: (request) => worker.call("sourceMap", request),
  });
  const v8Options: V8NamesOptions = {
    ...{ ...options, ...options.v8 },
    versionOf: (key) => capture.interpreters.versionOf(key),
    maps: sourceMaps,
  };
  const v8 = new V8Names(v8Options);
  const kinds = new BoundKinds(
    new Map<number, BoundKind>([
      [frameKind.anonymous, jit],
      [frameKind.v8, v8],
    ]),
  );
  capture.intake.onNewBoundStack = kinds.sight;
  return { kinds, jit, v8, sourceMaps };
}

import type { Capture } from "./capture/capture.js";
import { buffersOf } from "./jit/answer.js";
import { JitNames } from "./jit/jit-names.js";
import type { CgroupId } from "./model/cgroup.js";
import { BoundKinds } from "./naming/bound-kinds.js";
import { frameKind } from "./native/abi.generated.js";
import type { ReadAllowance } from "./processes/budget.js";
import type { WorkerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable } from "./worker-calls.js";

export interface BoundNamesOptions extends ReadAllowance {
  /** Of each kind, what is remembered. */
  readonly memoryBytes: number;
  /** Whether files and memory of a cgroup's processes may be read. */
  readonly mayRead: (cgroup: CgroupId) => boolean;
}

/** Names of what means something in one process only. */
export interface BoundNaming {
  readonly kinds: BoundKinds;
  readonly jit: JitNames;
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
  const kinds = new BoundKinds(new Map([[frameKind.anonymous, jit]]));
  capture.intake.onNewBoundStack = kinds.sight;
  return { kinds, jit };
}

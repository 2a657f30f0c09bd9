import type { Capture } from "./capture/capture.js";
import { HotspotNames } from "./interpreters/hotspot/hotspot-names.js";
import type { HotspotNameLayout } from "./interpreters/hotspot/name-layout.js";
import { PythonNames } from "./interpreters/python/python-names.js";
import { findRuntime } from "./interpreters/runtime-table.js";
import { buffersOf } from "./jit/answer.js";
import { JitNames } from "./jit/jit-names.js";
import type { CgroupId } from "./model/cgroup.js";
import type { BoundKind } from "./naming/bound-frames.js";
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

/** A kind of names that gives way near the agent's limits. */
interface BudgetedNames extends BoundKind {
  asksOn: boolean;
  resize(memoryBytes: number): void;
}

/** Names of what means something in one process only. */
export interface BoundNaming {
  readonly kinds: BoundKinds;
  readonly budgeted: readonly BudgetedNames[];
  readonly jit: JitNames;
  readonly python: PythonNames;
  readonly hotspot: HotspotNames;
}

/** Composition of what names JIT code and interpreters' functions: a kind of frame is a line. Told of new stacks by the capture. */
export function openBoundNames(
  capture: Capture,
  worker: WorkerCalls<WorkerCallTable>,
  options: BoundNamesOptions,
): BoundNaming {
  const { session } = capture.sampler;
  const jit = new JitNames({
    ...options,
    answer: (request) => worker.call("jit", request, buffersOf(request.files.map(({ state }) => state))),
  });
  const python = new PythonNames({
    ...options,
    forget: (key) => {
      try {
        session.deleteElement("python_codes", key);
      } catch {
        // The kernel side is closed: nothing is met any more.
      }
    },
  });
  const hotspot = new HotspotNames({
    ...options,
    layoutOf: (process) => {
      const number = findRuntime(session, process, frameKind.hotspot);
      const layout = number === undefined ? undefined : capture.interpreters.nameLayout(number);
      return layout as HotspotNameLayout | undefined; // what the detection of that kind gave
    },
  });
  const kinds = new Map<number, BudgetedNames>([
    [frameKind.anonymous, jit],
    [frameKind.python, python],
    [frameKind.hotspot, hotspot],
  ]);
  const bound = { kinds: new BoundKinds(kinds), budgeted: [...kinds.values()] };
  capture.intake.onPythonCode = python.take;
  capture.intake.onNewBoundStack = bound.kinds.sight;
  return { ...bound, jit, python, hotspot };
}

import type { Capture } from "./capture/capture.js";
import { HotspotNames } from "./interpreters/hotspot/hotspot-names.js";
import type { HotspotNameLayout } from "./interpreters/hotspot/name-layout.js";
import { PythonNames } from "./interpreters/python/python-names.js";
import { RuntimeSearch } from "./interpreters/runtime-search.js";
import { findRuntime } from "./interpreters/runtime-table.js";
import { buffersOf } from "./jit/answer.js";
import { V8Names } from "./interpreters/v8/v8-names.js";
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

/** What gives way near the agent's limits. */
interface Budgeted {
  asksOn: boolean;
  resize(memoryBytes: number): void;
}

/** Names of what means something in one process only. */
export interface BoundNaming {
  readonly kinds: BoundKinds;
  readonly budgeted: readonly Budgeted[];
  readonly runtimes: RuntimeSearch;
  readonly jit: JitNames;
  readonly python: PythonNames;
  readonly hotspot: HotspotNames;
  readonly v8: V8Names;
  readonly sourceMaps: SourceMaps;
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
  const sourceMaps = new SourceMaps({
    ...{ ...options, ...options.sourceMaps },
    answer: (request) => worker.call("sourceMap", request),
  });
  const v8 = new V8Names({
    ...{ ...options, ...options.v8 },
    versionOf: (key) => capture.interpreters.versionOf(key),
    maps: sourceMaps,
  });
  const kinds = new Map<number, BoundKind & Budgeted>([
    [frameKind.anonymous, jit],
    [frameKind.python, python],
    [frameKind.hotspot, hotspot],
    [frameKind.v8, v8],
  ]);
  const bound = { kinds: new BoundKinds(kinds), budgeted: [...kinds.values(), sourceMaps] };
  capture.intake.onPythonCode = python.take;
  const runtimes = new RuntimeSearch({ session });
  capture.intake.onNewBoundStack = (sample) => {
    runtimes.sight(sample);
    bound.kinds.sight(sample);
  };
  return { ...bound, runtimes, jit, python, hotspot, v8, sourceMaps };
}

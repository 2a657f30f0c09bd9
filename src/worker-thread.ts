import { setPriority } from "node:os";
import { setFlagsFromString } from "node:v8";
import { errnoOf } from "./util/errno.js";
import { WorkerCalls } from "./util/worker-calls.js";
import type { WorkerCallTable, WorkerSetting } from "./worker-calls.js";

/**
 * What the worker may take before it is ended as the victim of a hostile file: the largest converter run, on a file of
 * 48 MiB of call frame information, stays below half of it.
 */
const WORKER_HEAP_MB = 256;
/** The young generation makes up most of an idle worker's memory; what ours makes is large, and old at once. */
const WORKER_YOUNG_MB = 4;
/** A worker holds some 15 MiB, and is back in 50 ms (measured) when a new file is sampled. */
const WORKER_IDLE_MS = 3000;
/** A nice value. */
const DRAIN_PRIORITY = -10;

/**
 * Sets this process up for sampling: V8's heap, the worker, and this thread's priority. The worker is to be closed. It may
 * take `heapMb` at most.
 */
export function startWorker(setting: WorkerSetting, heapMb = WORKER_HEAP_MB): WorkerCalls<WorkerCallTable> {
  // V8 would let the young generation grow to 32 MiB for the little that is made here; this keeps it at its first size.
  setFlagsFromString("--semi-space-growth-factor=1");
  const worker = new WorkerCalls<WorkerCallTable>(
    new URL("./worker.js", import.meta.url),
    {
      workerData: setting,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.min(heapMb, WORKER_HEAP_MB),
        maxYoungGenerationSizeMb: WORKER_YOUNG_MB,
      },
    },
    WORKER_IDLE_MS,
  );
  worker.start();
  preferThisThread(); // after the worker, which would be as preferred
  return worker;
}

/**
 * The drain uses a hundredth of a CPU, but what it opens may be gone in milliseconds: on a busy machine it goes first.
 * Only this thread; the worker, which does the work, waits its turn like everyone.
 */
function preferThisThread(): void {
  try {
    setPriority(DRAIN_PRIORITY);
  } catch (error) {
    if (errnoOf(error) === "") {
      throw error;
    }
    // Without CAP_SYS_NICE it waits its turn too.
  }
}

/** Where nothing is downloaded, nothing of it is read either. */
export function workerSetting({
  debuginfodUrls,
  debuginfodDir,
}: {
  readonly debuginfodUrls: readonly string[];
  readonly debuginfodDir: string;
}): WorkerSetting {
  return { debuginfodDir: debuginfodUrls.length === 0 ? undefined : debuginfodDir };
}

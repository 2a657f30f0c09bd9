import { getHeapStatistics } from "node:v8";
import { memoryUseOf } from "../host/cgroup-limits.js";
import type { MemoryLimit } from "./limits.js";

export interface MemoryReading {
  readonly useBytes: number;
  /** Of the limit, or of what V8 lets this thread's heap have, whichever is nearer: it ends the process as surely. */
  readonly share: number;
}

/** Looks how much of its memory the agent holds now: 0.15 ms by a cgroup's account, 0.02 without one. */
export function readMemory({ bytes, cgroup }: MemoryLimit): MemoryReading {
  const useBytes = (cgroup && memoryUseOf(cgroup)) ?? process.memoryUsage.rss();
  const { used_heap_size: heap, heap_size_limit: heapLimit } = getHeapStatistics();
  return { useBytes, share: Math.max(useBytes / bytes, heap / heapLimit) };
}

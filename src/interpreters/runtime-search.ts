import type { PassingSample } from "../capture/passing-sample.js";
import { readThread } from "../capture/thread-table.js";
import type { ProcessKey } from "../model/process-key.js";
import { frameKind, outcome as outcomes, runtimeLayout } from "../native/abi.generated.js";
import type { Session } from "../native/addon.js";
import { kindOfFrame } from "../native/raw-frame.js";
import { Budget } from "../processes/budget.js";
import { MetProcesses, type MetProcess } from "../processes/met-processes.js";
import { readProcText } from "../processes/proc-text.js";
import { u32Bytes } from "../util/u32-bytes.js";
import { INTERPRETERS } from "./interpreters.js";

/** Of a thousand mappings the text takes a millisecond to make, and the process waits for as long when it maps memory. */
const LOOKS_PER_SECOND = 10;
const MAX_PROCESSES = 1024;
/** A process is looked at again when it may have become another program's. */
const AGAIN_MS = 60_000;
const LINE = /^([0-9a-f]{1,16})-[0-9a-f]{1,16} ..x. [0-9a-f]+ \S+ [1-9]\d* +(\/.*)$/;

interface Looked extends MetProcess {
  readonly atMs: number;
}

export interface RuntimeSearchOptions {
  readonly session: Pick<Session, "lookupElement" | "updateElement">;
  /** The text of /proc/PID/maps: {@link readProcText}, unless a test says otherwise. */
  readonly readMaps?: (pid: number) => string;
}

/**
 * Finds the runtime of compiled code whose stacks end before they come to it: it keeps no frame pointers, and how it is walked
 * is known by the runtime's file only, which may not run for hours beside it. The kernel side is told where in the process such
 * a file lies, and does with it as if a stack had led there. Its path decides nothing but that it is looked at.
 */
export class RuntimeSearch {
  /** No window is told of: a process is kept until it makes room. */
  private readonly met = new MetProcesses<Looked>({ maxProcesses: MAX_PROCESSES, keptWindows: 0 }, () => undefined);
  private readonly looks = new Budget(LOOKS_PER_SECOND, 1000, performance.now());
  private readonly readMaps: (pid: number) => string;

  /** Processes whose maps were read, and those of them that had such a file. */
  readonly counts = { looked: 0, found: 0 };

  constructor(private readonly options: RuntimeSearchOptions) {
    this.readMaps = options.readMaps ?? ((pid) => readProcText(`/proc/${pid}/maps`));
  }

  /** A stack was met for the first time that has frames of its process only. */
  sight(sample: PassingSample): void {
    const { words, header, outcome } = sample;
    if (outcome === outcomes.complete || !endsInCompiledCode(sample)) return;
    const nowMs = performance.now();
    const known = this.met.meet(words, header);
    if (known !== undefined && nowMs - known.atMs < AGAIN_MS) return;
    if (!this.looks.take(nowMs)) return; // its next new stack asks again
    const { pid, startTimeNs } = readThread(words, header);
    const key = { pid, startTimeNs };
    this.met.put({ key, lastWindow: 0, atMs: nowMs });
    this.look(key);
  }

  private look(key: ProcessKey): void {
    const { session } = this.options;
    const value = new Uint8Array(runtimeLayout.sizeOf);
    const view = new DataView(value.buffer);
    if (session.lookupElement("runtimes", u32Bytes(key.pid), value) && isKnown(view, key)) return;
    this.counts.looked++;
    const address = this.addressIn(key.pid);
    if (address === undefined) return;
    this.counts.found++;
    value.fill(0);
    view.setBigUint64(runtimeLayout.startTimeNs, key.startTimeNs, true);
    view.setUint32(runtimeLayout.kind, frameKind.native, true);
    view.setBigUint64(runtimeLayout.words, address, true);
    // Were the pid another process's by now, its start time would say so to the kernel side.
    session.updateElement("runtimes", u32Bytes(key.pid), value);
  }

  private addressIn(pid: number): bigint | undefined {
    try {
      return runtimeAddress(this.readMaps(pid));
    } catch {
      return undefined; // the process has ended
    }
  }
}

/** The first address of a runtime's code, by the text of /proc/PID/maps; undefined where there is none. */
export function runtimeAddress(maps: string): bigint | undefined {
  for (const { soughtAs } of INTERPRETERS) {
    if (soughtAs === undefined) continue;
    const name = `/${soughtAs}`;
    for (let at = maps.indexOf(name); at >= 0; at = maps.indexOf(name, at + 1)) {
      const line = maps.slice(maps.lastIndexOf("\n", at) + 1, maps.indexOf("\n", at));
      const [, address, path] = LINE.exec(line) ?? [];
      if (path !== undefined && (path.endsWith(name) || path.endsWith(`${name} (deleted)`))) {
        return BigInt(`0x${address}`);
      }
    }
  }
  return undefined;
}

function isKnown(view: DataView, { startTimeNs }: ProcessKey): boolean {
  if (view.getBigUint64(runtimeLayout.startTimeNs, true) !== startTimeNs) return false;
  return view.getUint32(runtimeLayout.kind, true) !== frameKind.native;
}

/** Whether the frame that the stack ends at is one in memory without a file. */
function endsInCompiledCode({ frameWords, start, frames, kernelFrames }: PassingSample): boolean {
  return frames > kernelFrames && kindOfFrame(frameWords[start + 2 * frames - 1]) === frameKind.anonymous;
}

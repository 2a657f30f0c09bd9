import type { Capture } from "../capture/capture.js";
import type { Window } from "../capture/window.js";
import { identifyCgroup } from "../containers/cgroup-path.js";
import { Ownership } from "../labels/ownership.js";
import type { SelectionOptions } from "../labels/policy.js";
import type { CgroupId } from "../model/cgroup.js";
import type { Log } from "../model/log.js";
import { ProcessTable } from "../processes/process-table.js";
import type { Sources } from "./sources.js";
import { u64Of } from "../util/u64.js";

/** What a cgroup that nobody has spoken of yet begins with: it is sampled, or, in mode opt-in, not. */
export function defaultDivisorOf({ mode }: Pick<SelectionOptions, "mode">): number {
  return mode === "opt-in" ? 0 : 1;
}

/** What had to wait for its turn, and contexts that are due, are read this often. */
const CATCH_UP_MS = 1000;
/** Windows that a cgroup is remembered for after they were written: a sample that waited for rows may be two late. */
const REMEMBERED_WINDOWS = 2;

/**
 * Whose the sampled cgroups are, from their first tick on: their owners are asked for, their policies set in the kernel, and
 * each process that is sampled is read while it lives.
 */
export class Labelling {
  readonly ownership: Ownership;
  readonly processes = new ProcessTable();
  /** Policies that the kernel side had no room for: those cgroups are sampled as by default. */
  policiesNotKept = 0;
  private readonly timer: NodeJS.Timeout;
  /** Cgroups of windows that are written or about to be, the oldest first. */
  private readonly recent: ReadonlySet<CgroupId>[] = [];

  constructor(
    private readonly capture: Capture,
    { containers, pods }: Sources,
    selection: SelectionOptions,
    log: Log,
  ) {
    this.ownership = new Ownership(selection, { identifyCgroup, containers, pods });
    this.ownership.onMistake(({ annotation, message }) => {
      log.repeated("warn", "annotation_mistake", message, { annotation });
    });
    this.ownership.onPolicy((cgroup, { divisor }) => {
      if (!capture.cgroups.setDivisor(cgroup, divisor)) {
        this.policiesNotKept++;
        log.repeated("warn", "policy_not_kept", "cgroups-full", { cgroups: capture.cgroups.size });
      }
    });
    capture.cgroups.onSight((path) => {
      this.ownership.cgroupSighted(path);
    });
    capture.intake.onNewThread = (pid, startLow, startHigh, cgroupLow, cgroupHigh) => {
      const reading = this.ownership.reading(u64Of(cgroupLow, cgroupHigh) as CgroupId);
      this.processes.sight(pid, u64Of(startLow, startHigh), reading);
    };
    this.timer = setInterval(() => {
      void this.processes.catchUp(); // never rejects
      this.ownership.timePassed();
    }, CATCH_UP_MS);
  }

  /** The operator wants others sampled: each cgroup's policy follows within this turn of the event loop, in the kernel too. */
  setSelection(selection: SelectionOptions): void {
    this.capture.cgroups.setDefaultDivisor(defaultDivisorOf(selection));
    this.ownership.setSelection(selection);
  }

  /** A window has ended and will be written: its cgroups are remembered until it is, and some windows longer. */
  windowEnded(window: Window): void {
    this.recent.push(cgroupsOf(window));
  }

  /** A window was written, or given up. `waiting`: how many still are to be. */
  windowWritten(waiting: number): void {
    while (this.recent.length > REMEMBERED_WINDOWS + waiting) this.recent.shift();
    const { window, taps } = this.capture.intake;
    const keep = new Set(cgroupsOf(window));
    for (const tap of taps) {
      for (const cgroup of cgroupsOf(tap.window)) keep.add(cgroup);
    }
    for (const cgroups of this.recent) {
      for (const cgroup of cgroups) keep.add(cgroup);
    }
    for (const cgroup of this.ownership.withPolicyOfTheirOwn()) keep.add(cgroup);
    const { cgroups } = this.capture;
    cgroups.forget(keep);
    this.ownership.forget((cgroup) => cgroups.path(cgroup) !== undefined);
  }

  close(): void {
    clearInterval(this.timer);
    this.capture.intake.onNewThread = undefined;
  }
}

function cgroupsOf(window: Window): ReadonlySet<CgroupId> {
  return new Set(window.threads.threads().map(({ cgroup }) => cgroup));
}

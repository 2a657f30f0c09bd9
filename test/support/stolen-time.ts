import { readFileSync } from "node:fs";

/**
 * What a hypervisor takes of a CPU while a program runs on it is in no account of that program (CONFIG_PARAVIRT_TIME_ACCOUNTING,
 * kernel/sched/core.c, update_rq_clock_task). A tick that falls due meanwhile comes late, and counts whole; of several one comes.
 */
export class StolenTime {
  private readonly start = readTimes();

  /** Of the time that the CPUs have been busy since, the share that was taken; at least 0, and below 1. */
  get share(): number {
    const { busy, stolen } = readTimes();
    const taken = stolen - this.start.stolen;
    return taken === 0 ? 0 : taken / (busy - this.start.busy + taken);
  }
}

/** Whether ticks tell of this CPU time, within a tolerance: of all that the kernel accounts, and of no more than what was stolen beside. */
export function isAccounted(sampled: number, accounted: number, stolenShare: number, tolerance: number): boolean {
  const most = accounted / (1 - stolenShare);
  return sampled >= accounted * (1 - tolerance) && sampled <= most * (1 + tolerance);
}

/** Of all CPUs, in clock ticks (proc(5), /proc/stat). */
function readTimes(): { readonly busy: number; readonly stolen: number } {
  const [first] = readFileSync("/proc/stat", "latin1").split("\n");
  const [user, nice, system, , , irq, softirq, stolen] = first.split(/\s+/).slice(1).map(Number);
  return { busy: user + nice + system + irq + softirq, stolen };
}

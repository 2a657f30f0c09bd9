import type { Workload } from "../support/workload.js";
import { WORKLOADS } from "../workloads/catalogue.js";

/** CPU time of each: at 199 Hz several hundred samples, on an emulated CPU some seconds. */
export const CPU_MS = 3000;

/** What differs between kernels is how a mapping is found and read, not the program: a plain one, a deep one. */
const NAMES = ["split-pie", "recursion-60"];

export const guestWorkloads: readonly Workload[] = WORKLOADS.filter(({ name }) => NAMES.includes(name));

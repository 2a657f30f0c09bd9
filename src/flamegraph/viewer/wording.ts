import type { Kind } from "./graph.js";
import type { PageFacts } from "../page-data.js";

const GROUPED = new Intl.NumberFormat("en-US");

export const KIND_NAMES: Readonly<Record<Kind, string>> = {
  all: "all",
  process: "process",
  inlined: "inlined",
  kernel: "kernel",
  native: "native",
  interpreter: "interpreter",
  jit: "JIT",
};

export function samplesText(samples: number): string {
  return `${GROUPED.format(samples)} ${samples === 1 ? "sample" : "samples"}`;
}

export function namesText(names: number): string {
  return `${GROUPED.format(names)} ${names === 1 ? "name" : "names"}`;
}

/** "12.3 %", with as many digits as keep small shares apart from nothing. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return "0 %";
  const percent = (100 * part) / whole;
  if (percent === 0 || percent === 100) return `${percent} %`;
  const digits = percent >= 0.095 ? 1 : percent >= 0.0095 ? 2 : 3;
  return percent < 0.0005 ? "< 0.001 %" : `${percent.toFixed(digits)} %`;
}

export function cpuTimeText(samples: number, about: PageFacts): string {
  return `${durationText((samples * about.periodNs) / 1e6)} CPU`;
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 120) return `${trimmed(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function frequencyText(about: PageFacts): string {
  return `${trimmed(1e9 / about.periodNs)} Hz`;
}

export function dateText(about: PageFacts): string {
  return `${new Date(about.timeMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** One digit after the point where it says something. */
function trimmed(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0).replace(/\.0$/, "");
}

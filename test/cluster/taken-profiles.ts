import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Profile } from "pprof-format";
import { checkValid } from "../support/check-valid.js";

/** One row of a profile that an agent wrote. */
export interface TakenSample {
  readonly count: number;
  readonly cpuNs: number;
  readonly pid: number;
  readonly comm: string;
  /** Text labels: namespace, pod, container… */
  readonly labels: ReadonlyMap<string, string>;
  /** Names, leaf first. */
  readonly functions: readonly string[];
}

export interface TakenProfile {
  readonly file: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly samples: readonly TakenSample[];
}

/** All profiles in a folder, each held to pprof's rules. Files never change once they have their name. */
export function readProfiles(folder: string): readonly TakenProfile[] {
  const names = readdirSync(folder).filter((name) => /^[^.].*\.pb\.gz$/.test(name));
  return names.sort().map((name) => {
    const file = path.join(folder, name);
    const found = known.get(file) ?? take(file);
    known.set(file, found);
    return found;
  });
}

const known = new Map<string, TakenProfile>();

function take(file: string): TakenProfile {
  const profile = checkValid(readFileSync(file));
  const startMs = Number(profile.timeNanos) / 1e6;
  return { file, startMs, endMs: startMs + Number(profile.durationNanos) / 1e6, samples: samplesOf(profile) };
}

function samplesOf(profile: Profile): readonly TakenSample[] {
  const { strings } = profile.stringTable;
  const text = (index: number | bigint) => strings[Number(index)];
  const functions = new Map(profile.function.map((one) => [Number(one.id), text(one.name)]));
  const locations = new Map(
    profile.location.map(({ id, line }) => [
      Number(id),
      line.map(({ functionId }) => functions.get(Number(functionId)) ?? ""),
    ]),
  );
  return profile.sample.map(({ value, label, locationId }) => {
    const labels = new Map<string, string>();
    let pid = 0;
    for (const { key, str, num } of label) {
      if (text(key) === "pid") pid = Number(num);
      else if (Number(str) !== 0) labels.set(text(key), text(str));
    }
    return {
      count: Number(value[0]),
      cpuNs: Number(value[1]),
      pid,
      comm: labels.get("comm") ?? "",
      labels,
      functions: locationId.flatMap((id) => locations.get(Number(id)) ?? []),
    };
  });
}

export function countOf(samples: readonly TakenSample[]): number {
  return samples.reduce((sum, { count }) => sum + count, 0);
}

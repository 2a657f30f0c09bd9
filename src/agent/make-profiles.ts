import { setImmediate as nextTurn } from "node:timers/promises";
import type { Window } from "../capture/window.js";
import type { ExecutableRegistry } from "../executables/registry.js";
import { groupThreads, type GroupOptions, type GroupSources, type ThreadGroups } from "../labels/group.js";
import type { Refusal } from "../labels/policy.js";
import { knowledgeOf, type OwnerCounts, type Ownership } from "../labels/ownership.js";
import type { LabelledProfile, ProfileBatch } from "../model/labelled-profile.js";
import type { CgroupId } from "../model/cgroup.js";
import type { Demangling } from "../model/demangling.js";
import type { Owner } from "../model/owner.js";
import type { Profile } from "../model/profile.js";
import { nameWindow, type Namer } from "../naming/name-window.js";
import type { ProcessTable } from "../processes/process-table.js";
import { redactProfile } from "../profiles/redact.js";
import { splitProfile } from "../profiles/split.js";
import { periodNsOf } from "./sampling-rate.js";
import type { WindowSpan } from "./window-loop.js";

export interface MakeProfilesModules {
  readonly registry: ExecutableRegistry;
  readonly namer: Namer;
  readonly ownership: Ownership;
  /** Whether more may come to be known of an owner within a moment. */
  readonly mayTellMore: (owner: Owner) => boolean;
  readonly processes: ProcessTable;
  readonly groups: GroupOptions;
  /** Under which names are hashed. */
  readonly redactKey: Uint8Array;
  readonly demangling: Demangling;
  readonly counts: LabelCounts;
}

/** When the samples of profiles were taken, and how often. */
export type ProfileSpan = Pick<WindowSpan, "startNs" | "durationNs" | "frequencyHz">;

/** What became of samples when they were labelled, since the start. */
export interface LabelCounts {
  /** Samples by how much was known of their cgroup. */
  readonly known: Record<keyof OwnerCounts, number>;
  /** Samples left out because their owner is refused by now, by reason. */
  readonly refused: Map<string, number>;
  /** Samples of redacted profiles. */
  redacted: number;
  /** Thread rows whose service was merged with others', by into what. */
  mergedByOwner: number;
  mergedByNamespace: number;
}

export function noLabelCounts(): LabelCounts {
  const known = { podAndContainer: 0, pod: 0, container: 0, ids: 0, unit: 0, none: 0 };
  return { known, refused: new Map(), redacted: 0, mergedByOwner: 0, mergedByNamespace: 0 };
}

/** How long a window waits for owners that are being asked for. A container may be a moment old. */
const OWNERS_MS = 1000;
const LOOK_MS = 100;

/** Why samples of windows outside the schedule are in no profile; of pods outside theirs too. */
const OUTSIDE_SCHEDULE: Refusal = "schedule";

/** Leaves a whole window out, for the schedule has none: only somebody who demanded it has seen it. */
export function leaveOut(window: Window, { refused }: LabelCounts): void {
  refused.set(OUTSIDE_SCHEDULE, (refused.get(OUTSIDE_SCHEDULE) ?? 0) + window.total);
}

/** Names a window, and makes a profile of each group of its threads. */
export async function makeProfiles(
  window: Window,
  span: ProfileSpan,
  modules: MakeProfilesModules,
): Promise<ProfileBatch> {
  const { registry, namer, counts, demangling } = modules;
  const { startNs, durationNs } = span;
  const periodNs = periodNsOf(span.frequencyHz);
  const cgroups = new Set(window.threads.threads().map(({ cgroup }) => cgroup));
  areOwnersKnown(cgroups, modules); // asks for those that are not, while the window is named
  const naming = { timeNs: startNs, durationNs, periodNs, demangling };
  const { profile } = await nameWindow(window, registry, namer, naming);
  await ownersKnown(cgroups, modules);
  countKnown(profile, modules);
  const grouped = groupThreads(profile.threads, judgedBy(modules, span), modules.groups, ticksByThread(profile));
  counts.mergedByOwner += grouped.mergedByOwner;
  counts.mergedByNamespace += grouped.mergedByNamespace;
  return { startNs, endNs: startNs + durationNs, profiles: await labelled(profile, grouped, modules) };
}

/** Decisions about this very window, for pods have schedules. */
function judgedBy({ ownership, processes }: MakeProfilesModules, { startNs, durationNs }: ProfileSpan): GroupSources {
  const window = { fromMs: Number(startNs) / 1e6, toMs: Number(startNs + durationNs) / 1e6 };
  return {
    ownership: {
      owner: (cgroup) => ownership.owner(cgroup),
      decisionAtLast: (cgroup) => ownership.decisionAtLast(cgroup, window),
    },
    processes,
  };
}

async function labelled(
  profile: Profile,
  { groupOf, groups }: ThreadGroups,
  { counts, redactKey }: MakeProfilesModules,
): Promise<readonly LabelledProfile[]> {
  const profiles: LabelledProfile[] = [];
  for (const { group, profile: part } of splitProfile(profile, groupOf)) {
    const { profile: labels, redact, refusal } = groups[group];
    if (refusal !== undefined) {
      counts.refused.set(refusal, (counts.refused.get(refusal) ?? 0) + samplesOf(part));
    } else if (redact) {
      counts.redacted += samplesOf(part);
      profiles.push({ ...labels, profile: redactProfile(part, redactKey) });
    } else {
      profiles.push({ ...labels, profile: part });
    }
    await nextTurn(); // the drain has its turn between two parts
  }
  return profiles;
}

async function ownersKnown(cgroups: ReadonlySet<CgroupId>, modules: MakeProfilesModules): Promise<void> {
  for (let waited = 0; waited < OWNERS_MS && !areOwnersKnown(cgroups, modules); waited += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Whether nothing is being asked about any of them; asking is what a look does. */
function areOwnersKnown(cgroups: ReadonlySet<CgroupId>, { ownership, mayTellMore }: MakeProfilesModules): boolean {
  let known = true;
  for (const cgroup of cgroups) {
    const owner = ownership.owner(cgroup); // of each, so that all are asked for at once
    known &&= !mayTellMore(owner);
  }
  return known;
}

function countKnown({ samples, threads }: Profile, { ownership, counts }: MakeProfilesModules): void {
  const knowledge = threads.map(({ cgroup }) => knowledgeOf(ownership.owner(cgroup)));
  for (let row = 0; row < samples.length; row++) {
    counts.known[knowledge[samples.thread[row]]] += samples.count[row];
  }
}

function ticksByThread({ samples, threads }: Profile): Float64Array {
  const ticks = new Float64Array(threads.length);
  for (let row = 0; row < samples.length; row++) {
    ticks[samples.thread[row]] += samples.ticks[row];
  }
  return ticks;
}

function samplesOf({ samples }: Profile): number {
  return samples.count.reduce((sum, count) => sum + count, 0);
}

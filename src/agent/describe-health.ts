import type { Capture } from "../capture/capture.js";
import type { Window } from "../capture/window.js";
import type { DeliveringExporter } from "../delivery/deliver-to.js";
import { systemClock } from "../util/clock.js";
import type { AccountingCheck } from "./accounting.js";
import type { Delivery } from "./deliver.js";
import { Liveness, type AgentHealth, type AgentPhase, type PartHealth } from "./health.js";
import type { SampleTotals } from "./sample-totals.js";
import type { SamplingRate } from "./sampling-rate.js";
import type { Sources } from "./sources.js";
import type { WindowLoop } from "./window-loop.js";

export interface HealthSources {
  readonly capture: Capture;
  readonly loop: WindowLoop<Window>;
  readonly totals: SampleTotals;
  readonly delivery: Delivery;
  readonly intakes: readonly DeliveringExporter[];
  readonly sources: Sources;
  readonly check: AccountingCheck;
  readonly windowMs: number;
  readonly rate: SamplingRate;
}

/** Which part of the agent is asked how it stands, and what its answer means. */
export function describeHealth(health: AgentHealth, parts: HealthSources): void {
  const { capture, loop, totals, delivery, intakes, sources, check, windowMs, rate } = parts;
  const { sampler, intake, firstSights } = capture;
  health.add("bpf", () => bpfHealth(sampler.cpus, rate, health.phase));
  health.add("runtimes", () => sources.runtimesHealth());
  health.add("pods", () => sources.podsHealth());
  for (const intake of intakes) health.add(`intake ${intake.name}`, () => intakeHealth(intake));
  for (const [name, counts] of delivery.counts) {
    if (intakes.some((intake) => intake.name === name)) continue;
    health.add(`exporter ${name}`, () =>
      counts.lastFailure === undefined
        ? { state: "ok", detail: `${counts.exported} profiles so far.` }
        : { state: "degraded", detail: `profiles of the last window were lost: ${counts.lastFailure}.` },
    );
  }
  health.add("cpu accounting", () =>
    check.problem === "" ? { state: "ok", detail: "" } : { state: "degraded", detail: `${check.problem}.` },
  );
  health.liveness = new Liveness({
    clock: systemClock,
    handedOver: () => sampler.counters().samples,
    arrived: () => totals.samples + intake.window.total + firstSights.count + intake.malformed,
    windowAgeMs: () => loop.ageMs,
    windowMs,
  });
}

function bpfHealth(cpus: number, { frequencyHz }: SamplingRate, phase: AgentPhase): PartHealth {
  if (phase === "starting") return { state: "starting", detail: "the programs are loaded, and not attached yet." };
  if (frequencyHz === 0) return { state: "ok", detail: "resting." };
  return { state: "ok", detail: `sampling ${cpus} CPUs ${frequencyHz} times a second.` };
}

function intakeHealth({ problem, status }: DeliveringExporter): PartHealth {
  return problem === ""
    ? { state: "ok", detail: `${status.accepted.profiles} profiles taken by ${status.address} so far.` }
    : { state: "degraded", detail: problem };
}

import type { Capture } from "../capture/capture.js";
import type { Window } from "../capture/window.js";
import type { DeliveringExporter } from "../delivery/deliver-to.js";
import { gatherSymbolFacts } from "../host/facts.js";
import type { InterpreterTable } from "../interpreters/interpreter-table.js";
import { kernelSymbolsProblem } from "../host/kernel-symbols.js";
import type { Clock } from "../util/clock.js";
import type { AccountingCheck } from "./accounting.js";
import type { Delivery } from "./deliver.js";
import { Liveness, type AgentHealth, type AgentPhase, type PartHealth } from "./health.js";
import type { SampleTotals } from "./sample-totals.js";
import type { SamplingRate } from "./sampling-rate.js";
import type { Scheduling } from "./scheduling.js";
import type { Sources } from "./sources.js";
import type { WindowLoop } from "./window-loop.js";
import type { SampledWindow, WindowWriter } from "./window-writer.js";

export interface HealthSources {
  readonly capture: Capture;
  readonly clock: Clock;
  readonly loop: Pick<WindowLoop<Window>, "ageMs" | "longestMs">;
  readonly writer: Pick<WindowWriter<SampledWindow>, "writingMs">;
  readonly totals: SampleTotals;
  readonly delivery: Pick<Delivery, "counts" | "intakes">;
  readonly sources: Pick<Sources, "runtimesHealth" | "podsHealth">;
  readonly check: Pick<AccountingCheck, "problem">;
  readonly rate: SamplingRate;
  /** Undefined where sampling is continuous. */
  readonly scheduling: Scheduling | undefined;
}

/** Which part of the agent is asked how it stands, and what its answer means. */
export function describeHealth(health: AgentHealth, parts: HealthSources): void {
  const { capture, clock, loop, writer, totals, delivery, sources, check, rate, scheduling } = parts;
  const { sampler, intake, firstSights } = capture;
  health.add("bpf", () => bpfHealth(sampler.cpus, rate, health.phase));
  if (scheduling !== undefined) health.add("schedule", () => scheduleHealth(rate, scheduling));
  health.add("runtimes", () => sources.runtimesHealth());
  health.add("pods", () => sources.podsHealth());
  health.addEach(() => exportersHealth(delivery));
  health.add("cpu accounting", () =>
    check.problem === "" ? { state: "ok", detail: "" } : { state: "degraded", detail: `${check.problem}.` },
  );
  health.add("kernel symbols", kernelSymbolsHealth);
  health.add("interpreters", () => interpretersHealth(capture.interpreters));
  health.liveness = new Liveness({
    clock,
    produced: () => {
      const { samples, samples_dropped: ringFull } = sampler.counters();
      return samples + ringFull;
    },
    arrived: () => totals.samples + intake.window.total + firstSights.count + intake.malformed,
    windowAgeMs: () => loop.ageMs,
    writingMs: () => writer.writingMs,
    windowMs: () => loop.longestMs,
  });
}

function* exportersHealth({ intakes, counts }: HealthSources["delivery"]): Iterable<readonly [string, PartHealth]> {
  for (const intake of intakes) yield [`intake ${intake.name}`, intakeHealth(intake)];
  for (const [name, { exported, lastFailure }] of counts) {
    if (intakes.some((intake) => intake.name === name)) continue;
    const health: PartHealth =
      lastFailure === undefined
        ? { state: "ok", detail: `${exported} profiles so far.` }
        : { state: "degraded", detail: `profiles are lost: ${lastFailure}.` };
    yield [`exporter ${name}`, health];
  }
}

function bpfHealth(cpus: number, { frequencyHz }: SamplingRate, phase: AgentPhase): PartHealth {
  if (phase === "starting") return { state: "starting", detail: "the programs are loaded, and not attached yet." };
  if (frequencyHz === 0) return { state: "ok", detail: "resting." };
  return { state: "ok", detail: `sampling ${cpus} CPUs ${frequencyHz} times a second.` };
}

function interpretersHealth({ details }: Pick<InterpreterTable, "details">): PartHealth {
  return details.size === 0
    ? { state: "ok", detail: "" }
    : { state: "degraded", detail: `functions are not shown of ${[...details].join(", ")}.` };
}

/** Asked of the kernel each time, for a person may have changed it. */
function kernelSymbolsHealth(): PartHealth {
  const problem = kernelSymbolsProblem(gatherSymbolFacts());
  return problem === undefined
    ? { state: "ok", detail: "" }
    : { state: "degraded", detail: `${problem.found}: ${problem.advice}.` };
}

function scheduleHealth({ open, frequencyHz }: SamplingRate, { until }: Scheduling): PartHealth {
  if (open) return { state: "ok", detail: `open ${until}.` };
  const asked = frequencyHz > 0 ? ", but for what is asked for right now" : "";
  return { state: "ok", detail: `resting ${until}${asked}.` };
}

function intakeHealth({ problem, status }: DeliveringExporter): PartHealth {
  return problem === ""
    ? { state: "ok", detail: `${status.accepted.profiles} profiles taken by ${status.address} so far.` }
    : { state: "degraded", detail: problem };
}

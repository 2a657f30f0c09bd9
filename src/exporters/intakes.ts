import type { Destination } from "../delivery/destination.js";
import { datadog } from "./datadog.js";
import { datakit } from "./datakit.js";
import type { IntakeModule, IntakeSpec } from "./intake.js";
import { chooseKind, INTAKE_KINDS, type IntakeKind } from "./kinds.js";
import { WrongOptions } from "./options/option.js";
import { otlp } from "./otlp.js";
import { parca } from "./parca.js";
import { profefe } from "./profefe.js";
import { pyroscope } from "./pyroscope.js";

const MODULES: Readonly<Record<IntakeKind, IntakeModule>> = { datadog, datakit, pyroscope, parca, otlp, profefe };

/** Every kind of intake, in the order in which help lists them. */
export const INTAKES: readonly IntakeModule[] = INTAKE_KINDS.map((kind) => MODULES[kind]);

export interface ChosenIntake {
  readonly intake: IntakeModule;
  /** What in the URL told it, for people: 'its port 4040'. */
  readonly because: string;
}

/** The intake that a URL means when nobody names one. */
export function chooseIntake(text: string): ChosenIntake {
  const { kind, because } = chooseKind(text);
  return { intake: MODULES[kind], because };
}

/** @throws {Error} one sentence that lists the kinds there are. */
export function intakeOf(kind: string): IntakeModule {
  const found = INTAKES.find((intake) => intake.kind === kind);
  if (found !== undefined) return found;
  const shown = kind.replace(/[\0-\x1f\x7f]/g, " ").slice(0, 40);
  throw new Error(`there is no intake "${shown}"; there are ${INTAKE_KINDS.join(", ")}.`);
}

/** An intake of the kind that is named, or that the URL means. */
export interface KindSpec extends IntakeSpec {
  readonly kind: string | undefined;
}

/** A destination; nothing is sent to it yet. Throws Error, with one sentence for each wrong value, naming it. */
export function openIntake(spec: KindSpec): Destination {
  const intake = spec.kind === undefined ? chooseIntake(spec.url ?? "").intake : intakeOf(spec.kind);
  return intake.open(spec);
}

/**
 * What is wrong with what an intake was told: a sentence for each wrong value, none where all is right. Connects to nobody; the file of
 * its certificates is read.
 */
export async function checkIntake(spec: KindSpec): Promise<readonly string[]> {
  let destination: Destination;
  try {
    destination = openIntake(spec);
  } catch (error) {
    if (error instanceof WrongOptions) return error.problems;
    return [error instanceof Error ? error.message : String(error)];
  }
  await destination.close();
  return [];
}

import path from "node:path";
import { DELIVERY_DEFAULTS, deliverTo, type DeliveringExporter } from "../delivery/deliver-to.js";
import { openIntake } from "../exporters/intakes.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";

/** Which of the agent's options say where profiles are sent. */
export type IntakeOptions = Pick<AgentOptions, "exporters" | "spoolDir" | "spoolBytes">;

/**
 * Sends to each intake from now on, first what an earlier agent left in its spool: a folder of the intake's own name. None waits for
 * another: each has a queue, a spool and retries of its own.
 */
export function startIntakes(
  { exporters, spoolDir, spoolBytes }: IntakeOptions,
  log: Log,
): readonly DeliveringExporter[] {
  return exporters.map((spec) => {
    const destination = openIntake(spec);
    const { name, address } = destination;
    log.info("sending", { intake: name, kind: spec.kind, address });
    const spoolDirectory = path.join(spoolDir, name);
    return deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory, spoolBytes }, { log });
  });
}

import path from "node:path";
import { DELIVERY_DEFAULTS, deliverTo, type DeliveringExporter } from "../delivery/deliver-to.js";
import type { Destination } from "../delivery/destination.js";
import { openIntake } from "../exporters/intakes.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";

/** Which of the agent's options say where profiles are sent. */
export type IntakeOptions = Pick<AgentOptions, "collectionAgent" | "intake" | "spoolDir" | "spoolBytes">;

/**
 * The intakes that are asked for; nothing is sent yet.
 *
 * @throws {Error} one sentence that names the wrong value.
 */
export function openDestinations({ collectionAgent, intake }: IntakeOptions): readonly Destination[] {
  if (collectionAgent === undefined) return [];
  return [openIntake({ kind: intake, url: collectionAgent, options: {} })];
}

/** Sends to each intake from now on, first what an earlier agent left in its spool: a folder of the intake's own name. */
export function startIntakes(options: IntakeOptions, log: Log): readonly DeliveringExporter[] {
  return openDestinations(options).map((destination) => {
    const { name, address } = destination;
    log.info("sending", { intake: name, address });
    const spoolDirectory = path.join(options.spoolDir, name);
    return deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory, spoolBytes: options.spoolBytes }, { log });
  });
}

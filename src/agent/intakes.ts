import path from "node:path";
import { DELIVERY_DEFAULTS, deliverTo } from "../delivery/deliver-to.js";
import type { Destination } from "../delivery/destination.js";
import { openIntake } from "../exporters/intakes.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";
import type { WantedExporter } from "./exporter-slot.js";

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

/**
 * Each, once it is opened, sends first what an earlier one left in its spool: a folder of the intake's own name.
 *
 * @throws {Error} one sentence that names the wrong value.
 */
export function wantedIntakes(options: IntakeOptions, log: Log): readonly WantedExporter[] {
  const { collectionAgent, intake, spoolDir, spoolBytes } = options;
  return openDestinations(options).map((destination) => {
    const { name, address } = destination;
    const spoolDirectory = path.join(spoolDir, name);
    return {
      name,
      key: JSON.stringify([collectionAgent, intake, spoolDirectory, spoolBytes]),
      open: () => {
        log.info("sending", { intake: name, address });
        return deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory, spoolBytes }, { log });
      },
    };
  });
}

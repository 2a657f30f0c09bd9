import path from "node:path";
import { DELIVERY_DEFAULTS, deliverTo } from "../delivery/deliver-to.js";
import { openIntake } from "../exporters/intakes.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";
import type { WantedExporter } from "./exporter-slot.js";

/** Which of the agent's options say where profiles are sent. */
export type IntakeOptions = Pick<AgentOptions, "exporters" | "spoolDir" | "spoolBytes">;

/**
 * Each intake, once it is opened, is sent first what an earlier agent left in its spool: a folder of the intake's own name. None waits
 * for another: each has a queue, a spool and retries of its own.
 */
export function wantedIntakes({ exporters, spoolDir, spoolBytes }: IntakeOptions, log: Log): readonly WantedExporter[] {
  return exporters.map((spec) => {
    const { name, kind, url, options } = spec;
    const spoolDirectory = path.join(spoolDir, name);
    return {
      name,
      // The entries are whole, and in no order; printed, they would be masked.
      key: JSON.stringify([kind, url, Object.entries(options).toSorted(), spoolDirectory, spoolBytes]),
      open: () => {
        const destination = openIntake(spec);
        log.info("sending", { intake: name, kind, address: destination.address });
        return deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory, spoolBytes }, { log });
      },
    };
  });
}

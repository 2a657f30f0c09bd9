import type { Destination } from "../delivery/destination.js";
import { AGENT_PATH, encodeForms } from "./datadog.js";
import { COMMON_OPTIONS, type IntakeModule, readSettings } from "./intake.js";
import { INTAKE_PORTS } from "./kinds.js";
import { httpSender } from "./transport/sender.js";

const title = "a Datakit";

/**
 * Datakit (Guance): the Datadog Agent's door, and what is particular to it. It adds no host where the profile has none, and no
 * tags of Kubernetes by the container's id, so all of them are sent. It reads pprof itself, gzip or plain. It looks for format,
 * profiler and language in the event. It answers 200 before it has looked at anything, and 400 to what is too large.
 */
export const datakit: IntakeModule = {
  kind: "datakit",
  title,
  port: INTAKE_PORTS.datakit,
  options: COMMON_OPTIONS,
  open(spec): Destination {
    const { name, shown, transport } = readSettings(
      { kind: "datakit", title, table: COMMON_OPTIONS, ownPath: AGENT_PATH },
      spec,
    );
    let sequence = 0;
    return {
      name,
      address: shown,
      encode: (batch) => encodeForms(batch, { sequence: sequence++, hostTag: true }, AGENT_PATH, EVENT),
      ...httpSender(transport),
    };
  },
};

const EVENT = { format: "pprof", profiler: "hostflame", language: "ebpf" };

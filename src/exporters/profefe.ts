import { randomUUID } from "node:crypto";
import type { Destination } from "../delivery/destination.js";
import type { LabelledProfile, ProfileBatch } from "../model/labelled-profile.js";
import type { Upload } from "../model/upload.js";
import { PLAIN_NAMES } from "../profiles/pprof.js";
import { type PartLimits, pprofParts } from "./encoding/parts.js";
import { COMMON_OPTIONS, type IntakeModule, readSettings } from "./intake.js";
import { INTAKE_PORTS } from "./kinds.js";
import { httpSender } from "./transport/sender.js";

const PATH = "/api/0/profiles";
/** It names no limit; it holds a profile in memory several times while it stores it. */
const LIMITS: PartLimits = { plainBytes: 64 * 2 ** 20, packedBytes: 16 * 2 ** 20, samples: Number.POSITIVE_INFINITY };
const title = "a profefe collector";

/** profefe: the pprof is the body, and the query says whose it is. Its time is the pprof's own. */
export const profefe: IntakeModule = {
  kind: "profefe",
  title,
  port: INTAKE_PORTS.profefe,
  options: COMMON_OPTIONS,
  open(spec): Destination {
    const { name, shown, transport } = readSettings(
      { kind: "profefe", title, table: COMMON_OPTIONS, ownPath: PATH },
      spec,
    );
    return { name, address: shown, encode, ...httpSender(transport) };
  },
};

async function* encode(batch: ProfileBatch): AsyncGenerator<Upload, void, undefined> {
  for (const labelled of batch.profiles) {
    for await (const { pprof } of pprofParts(labelled, PLAIN_NAMES, LIMITS)) {
      yield {
        id: randomUUID(),
        startNs: batch.startNs,
        endNs: batch.endNs,
        profiles: 1,
        path: `${PATH}?${queryOf(labelled)}`,
        headers: { "content-type": "application/octet-stream" },
        body: pprof,
      };
    }
  }
}

/** Labels are unescaped once more after the query is, so they are escaped twice: a comma in a value would part it. */
function queryOf({ service, env, version, labels }: LabelledProfile): string {
  const pairs = [["env", env], ["version", version], ...labels].filter(([, value]) => value !== "");
  return new URLSearchParams({
    service: service === "" ? "unknown-service" : service,
    type: "cpu",
    labels: pairs.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join(","),
  }).toString();
}

/** Half a surrogate pair has no UTF-8, and cannot be escaped. */
function escaped(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
}

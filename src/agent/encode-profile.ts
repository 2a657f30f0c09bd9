import type { LabelledProfile } from "../model/labelled-profile.js";
import { TOOL } from "../model/tool.js";
import { encodePprofGzip } from "../profiles/pprof.js";

/** Whose the profile is, as its samples' labels say it. */
export function ownLabels({
  service,
  env,
  version,
  labels,
}: Omit<LabelledProfile, "profile">): ReadonlyMap<string, string> {
  // Last, so that no label of a pod's that is asked for by one of these names stands for it.
  return new Map([...labels, ["service", service], ["env", env], ["version", version]]);
}

/** Encodes profiles as files have them, each once, however many want its bytes; they go when the profile goes. */
export function createProfileEncoder(): (labelled: LabelledProfile) => Promise<Uint8Array> {
  const made = new WeakMap<LabelledProfile, Promise<Uint8Array>>();
  return (labelled) => {
    const known = made.get(labelled);
    if (known !== undefined) return known;
    const bytes = encodePprofGzip(labelled.profile, { comments: [TOOL], labels: ownLabels(labelled) });
    made.set(labelled, bytes);
    return bytes;
  };
}

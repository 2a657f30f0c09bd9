import type { PodContainer, PodContainerKind } from "../model/pod.js";
import type { CutReason } from "./pod-counts.js";
import { cutText, listOf, objectOf, textOf, timeOf, type JsonObject } from "./untrusted.js";

/** Ids kept of a container: now running, and before. */
export const MAX_IDS = 8;
/** Of all kinds together; ephemeral ones are never removed from a pod, and anyone who may debug it adds more. */
const MAX_CONTAINERS = 128;
const MAX_NAME = 253;
const MAX_ID = 256;
const MAX_IMAGE = 1024;

/** Where each kind is described, where its state is told. */
const PLACES = [
  ["containers", "containerStatuses", "container"],
  ["initContainers", "initContainerStatuses", "init"],
  ["ephemeralContainers", "ephemeralContainerStatuses", "ephemeral"],
] as const;

/** A pod's containers, in the pod's order, ordinary ones first; images as they were asked for. */
export function containersOf(
  spec: JsonObject,
  status: JsonObject,
  cut: (reason: CutReason) => void,
): readonly PodContainer[] {
  const found: PodContainer[] = [];
  for (const [place, statusPlace, kind] of PLACES) {
    const statuses = new Map(listOf(status[statusPlace]).map((one) => [textOf(objectOf(one)["name"]), objectOf(one)]));
    for (const container of listOf(spec[place]).map(objectOf)) {
      const name = textOf(container["name"]);
      if (name === "" || name.length > MAX_NAME) continue;
      if (found.length === MAX_CONTAINERS) {
        cut("containers");
        continue;
      }
      const image = textOf(container["image"]);
      if (image.length > MAX_IMAGE) cut("text");
      found.push(
        Object.freeze({
          kind: kindOf(kind, container),
          name,
          ids: Object.freeze(idsOf(statuses.get(name) ?? {})),
          image: cutText(image, MAX_IMAGE),
        }),
      );
    }
  }
  return Object.freeze(found);
}

/** The containers with the ids that an earlier sight of the pod had: the API tells only the last two of them. */
export function withEarlierIds(
  containers: readonly PodContainer[],
  earlier: readonly PodContainer[],
): readonly PodContainer[] {
  return Object.freeze(
    containers.map((container) => {
      const before = earlier.find(({ name, kind }) => name === container.name && kind === container.kind);
      const ids = [...new Set([...container.ids, ...(before?.ids ?? [])])].slice(0, MAX_IDS);
      return ids.length === container.ids.length ? container : Object.freeze({ ...container, ids: Object.freeze(ids) });
    }),
  );
}

/** When the last of its containers ended; undefined when one has not, or none ever ran. */
export function lastFinishedMs(status: JsonObject): number | undefined {
  const ends = PLACES.flatMap(([, place]) => listOf(status[place])).map((one) => {
    const { terminated } = objectOf(objectOf(one)["state"]);
    return timeOf(objectOf(terminated)["finishedAt"]);
  });
  const known = ends.filter((end) => end !== undefined);
  return known.length === 0 || known.length < ends.length ? undefined : Math.max(...known);
}

/** An init container that goes on running beside the others is a sidecar (Kubernetes 1.28 and later). */
function kindOf(kind: "container" | "init" | "ephemeral", container: JsonObject): PodContainerKind {
  return kind === "init" && container["restartPolicy"] === "Always" ? "sidecar" : kind;
}

/** Newest first: of this run, which may have ended, and of the one before. Nothing before the container was started once. */
function idsOf(status: JsonObject): string[] {
  const ended = ["state", "lastState"].map((state) => {
    const { terminated } = objectOf(objectOf(status)[state]);
    return textOf(objectOf(terminated)["containerID"]);
  });
  const ids = [textOf(status["containerID"]), ...ended].map(bareId).filter((id) => id !== "");
  return [...new Set(ids)];
}

/** "containerd://0123…" → "0123…"; "" for what is not of that form. */
function bareId(id: string): string {
  const [, bare = ""] = /^[a-z0-9.+-]+:\/\/(\S+)$/.exec(id) ?? [];
  return bare.length <= MAX_ID ? bare : "";
}

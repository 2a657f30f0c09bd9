import { labelsOf, type LabelOptions } from "../../labels/labels.js";
import { isInContainer } from "../../labels/service.js";
import type { Owner } from "../../model/owner.js";
import type { ListQuery, ProfileFilter } from "./query.js";

type OwnerFilter = Omit<ProfileFilter, "pid">;
type Labels = ReadonlyMap<string, string>;

const OWNER_ONLY: LabelOptions = { node: "", podLabels: [], podAnnotations: [], tags: new Map() };
const NAMES = ["namespace", "pod", "container"] as const;
/** Of an id, as docker ps and crictl ps show it. */
const SHORT_ID = 12;

/**
 * Whether samples of an owner may turn out to be what is asked for. What is not known of it yet may come: who it is has
 * the last word when the samples are labelled ({@link matches}).
 */
export function mayMatch(filter: OwnerFilter, owner: Owner): boolean {
  if (NAMES.every((name) => filter[name] === undefined)) return true;
  if (!isInContainer(owner)) return false;
  const labels = labelsOf(owner, OWNER_ONLY);
  return NAMES.every((name) => labels.get(name) === undefined || isAsked(filter, name, labels));
}

/** Whether a profile with these labels is what is asked for. */
export function matches(filter: OwnerFilter & Partial<Pick<ListQuery, "service">>, labels: Labels): boolean {
  const { service } = filter;
  return (
    NAMES.every((name) => isAsked(filter, name, labels)) && (service ?? labels.get("service")) === labels.get("service")
  );
}

function isAsked(filter: OwnerFilter, name: (typeof NAMES)[number], labels: Labels): boolean {
  const asked = filter[name];
  if (asked === undefined || labels.get(name) === asked) return true;
  const id = name === "container" ? labels.get("container_id") : undefined;
  return id !== undefined && asked.length >= SHORT_ID && id.startsWith(asked);
}

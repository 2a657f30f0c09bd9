import { printable } from "../util/printable.js";

/**
 * Characters of a service's name or a label's value: Kubernetes' names have 253 at most, Datadog keeps 200 of a tag.
 */
export const MAX_NAME_LENGTH = 200;

/**
 * A name as anybody may have written it, fit for a label: without control characters, without white space around it,
 * whole characters only, at most {@link MAX_NAME_LENGTH} UTF-16 units. "" when nothing is left.
 */
export function cleanName(text: string): string {
  // Only so much is looked at as can matter: the text may be an annotation of 256 KiB.
  const head = text.slice(0, 4 * MAX_NAME_LENGTH);
  const clean = printable(head)
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .trim();
  // A cut through a pair of surrogates leaves the first half: it goes too.
  return clean
    .slice(0, MAX_NAME_LENGTH)
    .replace(/[\ud800-\udbff]$/, "")
    .trimEnd();
}

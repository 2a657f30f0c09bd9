import { gatherFacts } from "../host/facts.js";
import { judgeHost } from "../host/requirements.js";
import { HostObstacle } from "./explain.js";

/** Throws, with the first of what is missing, where nothing can be sampled. `what` completes "Cannot …". */
export function refuseWhereNothingWorks(what: string): void {
  const obstacles = judgeHost(gatherFacts()).filter(({ status }) => status === "missing");
  const [first] = obstacles;
  if (first === undefined) return;
  const more = obstacles.length === 1 ? "" : ` (and ${obstacles.length - 1} more: hostflame check lists all)`;
  throw new HostObstacle(`Cannot ${what} (${first.title}: ${first.found}): ${first.advice}${more}.`);
}

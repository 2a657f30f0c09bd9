import { gatherFacts } from "../host/facts.js";
import { type Finding, type FindingStatus, judgeHost, judgeLoad } from "../host/requirements.js";
import { EXIT } from "../model/exit-codes.js";
import { explainNativeError } from "./explain.js";
import type { CheckOptions } from "./options.js";
import type { Output } from "./output.js";

/** Version of the JSON; a field is only ever added. */
const SCHEMA = 1;

/** `hostflame check`. */
export async function check(options: CheckOptions, output: Output): Promise<number> {
  const findings = [...judgeHost(gatherFacts()), await tryLoading()];
  const ok = findings.every(({ status }) => status !== "missing");
  output.write(options.json ? findingsJson(findings, ok) : findingsTable(findings, ok, output.color));
  return ok ? EXIT.ok : EXIT.failed;
}

async function tryLoading(): Promise<Finding> {
  try {
    const { probeLoad } = await import("../probe.js");
    return judgeLoad(probeLoad());
  } catch (error) {
    return judgeLoad({ kind: "refused", reason: explainNativeError(error) });
  }
}

export function findingsJson(findings: readonly Finding[], ok: boolean): string {
  return `${JSON.stringify({ schema: SCHEMA, ok, findings }, undefined, 2)}\n`;
}

const COLORS: Readonly<Record<FindingStatus, number>> = { ok: 32, warn: 33, missing: 31 };

export function findingsTable(findings: readonly Finding[], ok: boolean, color: boolean): string {
  const width = Math.max(...findings.map(({ title }) => title.length));
  const lines = findings.flatMap(({ status, title, found, advice }) => {
    const word = status.padEnd(7);
    const painted = color ? `\u001b[${COLORS[status]}m${word}\u001b[0m` : word;
    const row = `${painted}  ${title.padEnd(width)}  ${found}`;
    return advice === "" ? [row] : [row, `${" ".repeat(9)}${" ".repeat(width)}  → ${advice}`];
  });
  const warnings = findings.filter(({ status }) => status === "warn").length;
  const absent = findings.filter(({ status }) => status === "missing").length;
  const verdict = ok
    ? `This machine can be profiled${warnings === 0 ? "." : `; ${count(warnings, "thing")} could be better.`}`
    : `This machine cannot be profiled yet: ${count(absent, "thing")} missing.`;
  return `${lines.join("\n")}\n\n${verdict}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

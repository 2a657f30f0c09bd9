/*
 * Makes a fresh clone runnable: system packages, npm packages, build; each only where it is missing or out of date.
 *
 *   node scripts/setup.mjs          what npm start needs
 *   node scripts/setup.mjs --test   and what npm test needs
 */
import "./node-version.mjs";
import path from "node:path";
import { installAdvice, missingNeeds, packageNames, thisDistribution } from "./packages.mjs";
import { ensureNodeModules, ensureParts } from "./parts.mjs";
import { main, run, SetupError, step } from "./step.mjs";

/** @param {{ test: boolean }} options */
export async function ensureSetup({ test }) {
  await ensureSystemPackages(test ? ["build", "test"] : ["build"]);
  await ensureNodeModules();
  await ensureParts({ test });
}

async function ensureSystemPackages(purposes) {
  const missing = missingNeeds(purposes);
  const required = missing.filter(({ optional }) => optional !== true);
  const { id, family, title } = thisDistribution();
  if (id === "debian") {
    // What was optional and could not be had once would be asked for at every start.
    if (required.length > 0) await installByApt(missing, required);
    return;
  }
  if (required.length === 0) return;
  throw new SetupError(
    `some packages are missing, and on ${title} they are not installed for you. Please install them, then run this again:\n` +
      installAdvice(required, family).join("\n"),
  );
}

async function installByApt(missing, required) {
  const names = packageNames(required, "debian");
  if (process.getuid() !== 0) {
    throw new SetupError(`${names.join(", ")} must be installed first: run this as root, or apt-get install them.`);
  }
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...words) => ["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300", ...words];
  const install = (packages) => apt("install", "--no-install-recommends", ...packages);
  // A fresh machine has no package lists, a stale one points to versions that are gone: --dry-run tells the first
  // without downloading anything, the second shows only on installing.
  const { code } = await run([...install(names), "--dry-run"], environment);
  const commands = [...(code === 0 ? [] : [apt("update")]), install(names)];
  await step(`installing ${names.length} system packages: ${names.join(" ")}`, commands, {
    advice: "Is the Debian archive reachable from here? apt-get update may help, too.",
    environment,
  });
  for (const name of packageNames(missing, "debian").filter((candidate) => !names.includes(candidate))) {
    const outcome = await run(install([name]), environment);
    if (outcome.code !== 0) process.stderr.write(`hostflame: going on without ${name}, which is optional\n`);
  }
}

if (process.argv[1] === path.join(import.meta.dirname, "setup.mjs")) {
  await main(() => ensureSetup({ test: process.argv.includes("--test") }));
}

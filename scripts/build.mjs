/* npm run build: what changed since the last build, of an installed clone. */
import "./node-version.mjs";
import { ensureNodeModules, ensureParts } from "./parts.mjs";
import { main } from "./step.mjs";

await main(async () => {
  await ensureNodeModules();
  await ensureParts({ test: process.argv.includes("--test") });
});

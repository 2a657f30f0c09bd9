/*
 * npm run build: what changed since the last build, of an installed clone.
 *
 *   npm run build -- native   only that part of scripts/parts.mjs; the image's layers are made a part at a time
 */
import "./node-version.mjs";
import { parseArgs } from "node:util";
import { ensureNodeModules, ensureParts } from "./parts.mjs";
import { main } from "./step.mjs";

await main(async () => {
  const { values, positionals } = parseArgs({ options: { test: { type: "boolean" } }, allowPositionals: true });
  await ensureNodeModules();
  await ensureParts({ test: values.test === true, ...(positionals.length === 0 ? {} : { only: positionals }) });
});

#!/usr/bin/env node
import { outputOf } from "./cli/output.js";
import { run } from "./cli/run.js";
import { EXIT } from "./model/exit-codes.js";

// `hostflame … | head`: Node.js ignores SIGPIPE, and would end with a stack trace.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.brokenPipe);
});

process.exitCode = await run({
  words: process.argv.slice(2),
  environment: process.env,
  stdout: outputOf(process.stdout, process.env),
  stderr: outputOf(process.stderr, process.env),
});

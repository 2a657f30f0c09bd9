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
// Node.js gives signals their own meaning back while it takes itself down, and a SIGHUP would be the end that is reported. It does
// not where it is told to exit, and what was written is out by then: pipes, files and terminals are written to at once here.
if (process.listenerCount("SIGHUP") > 0) process.exit();

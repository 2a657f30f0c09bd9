#!/usr/bin/env node
import { outputOf } from "./cli/output.js";
import { run } from "./cli/run.js";

process.exitCode = await run({
  words: process.argv.slice(2),
  environment: process.env,
  stdout: outputOf(process.stdout, process.env),
  stderr: outputOf(process.stderr, process.env),
});

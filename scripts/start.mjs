/* npm start [-- options of record]: set up what is missing, then record this machine into hostflame-out/. */
import "./node-version.mjs";
import { spawn } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";
import { ensureSetup } from "./setup.mjs";
import { main, root } from "./step.mjs";

/** Given as variables, so that whatever is typed stands over them. */
const defaults = {
  HOSTFLAME_OUTPUT: "hostflame-out/profile.pb.gz",
  HOSTFLAME_FLAMEGRAPH: "hostflame-out/flamegraph.html",
};

/** One Ctrl-C arrives twice: from the terminal, and forwarded by npm. Two within this time are one. */
const SAME_SIGNAL_MS = 300;

await main(async () => {
  await ensureSetup({ test: false });
  const words = [path.join(root, "dist/main.js"), "record", ...process.argv.slice(2)];
  // In a session of its own it hears from the terminal only through us, so that each Ctrl-C reaches it once.
  const child = spawn(process.execPath, words, {
    stdio: "inherit",
    env: { ...defaults, ...process.env },
    detached: true,
  });
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal === "SIGINT" && performance.now() - lastMs < SAME_SIGNAL_MS) return;
      lastMs = performance.now();
      child.kill(signal);
    });
  }
  process.exitCode = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
});

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The command that runs google/pprof: its own binary, or Go's copy of it. Undefined when there is neither. */
export const googlePprof: readonly string[] | undefined = [
  ["pprof"],
  [join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin/pprof")],
  ["go", "tool", "pprof"],
  ["/usr/local/go/bin/go", "tool", "pprof"],
].find(([command, ...args]) => {
  if (command.startsWith("/") && !existsSync(command)) return false;
  // Every form of it prints its usage and fails when there is nothing to read.
  return spawnSync(command, args, { stdio: "pipe" }).stderr?.includes("usage") ?? false;
});

export const googlePprofMissing = googlePprof ? false : "neither pprof nor go is installed (apt-get install golang-go)";

/** Go's copy reads the symbols of Go programs only. */
export const noCSymbols =
  googlePprof !== undefined && !googlePprof.includes("tool")
    ? false
    : "go tool pprof reads no C symbols (go install github.com/google/pprof@latest)";

/** What google/pprof prints for these arguments; throws with its words when it refuses. */
export function runGooglePprof(...args: string[]): string {
  const [command, ...before] = googlePprof!;
  return execFileSync(command, [...before, ...args], { encoding: "utf8", stdio: "pipe" });
}

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const GO = ["/usr/local/go/bin/go", "/usr/bin/go"].find(existsSync);
/** A release is some 70 MB; slower than this, and there is no way to it. */
const FETCH_MS = 180_000;

/** A release of Go; others than the one that is here are fetched by it, as it does for modules that ask for them. */
export interface GoToolchain {
  /** "go1.16.15"; "local" for the one that is here. */
  readonly release: string;
  run(words: readonly string[], options?: { readonly folder?: string; readonly input?: string }): string;
}

/** That release, or why it cannot be had. */
export function goToolchain(release: string): GoToolchain | string {
  if (GO === undefined) return "no Go here";
  const environment = {
    ...process.env,
    // Somebody's own settings may be flags that an old release does not know.
    GOENV: "off",
    GOFLAGS: "",
    GOTOOLCHAIN: release,
    CGO_ENABLED: "0",
  };
  const { status, stderr, error } = spawnSync(GO, ["version"], {
    env: environment,
    encoding: "utf8",
    timeout: FETCH_MS,
  });
  if (status !== 0) return `${release} cannot be had: ${error?.message ?? stderr.trim().split("\n").at(-1) ?? ""}`;
  return {
    release,
    run: (words, { folder, input } = {}) =>
      execFileSync(GO, words, {
        cwd: folder,
        env: environment,
        input: input ?? "",
        encoding: "utf8",
        maxBuffer: 2 ** 28,
      }),
  };
}

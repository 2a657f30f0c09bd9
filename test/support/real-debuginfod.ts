import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unpackedPackages } from "./debian-packages.js";
import { describeRoot, type Unpacked } from "./runtimes/debian-packages.js";
import type { SpinningProgram } from "./spinning-program.js";
import { until } from "./until.js";
import { freePort } from "./free-port.js";

/** The server of elfutils, and the libraries that a machine without it lacks too. */
const PACKAGES = [
  ...["debuginfod", "libdebuginfod1", "libdw1", "libelf1", "libmicrohttpd12", "libarchive13", "libsqlite3-0"],
];
const SCAN_MS = 60_000;

/** elfutils' own server; undefined where Debian's packages cannot be had or do not run here. */
export function findDebuginfod(): Unpacked | undefined {
  const root = unpackedPackages("debuginfod", PACKAGES);
  if (root === undefined) return undefined;
  const its = describeRoot(root);
  const { status } = spawnSync("debuginfod", ["--version"], { env: { ...process.env, ...its.environment } });
  return status === 0 ? its : undefined;
}

export interface RealDebuginfod {
  readonly url: string;
  close(): Promise<void>;
}

/** Runs it on a folder with the debug file of a program, and waits until it has found that. */
export async function startDebuginfod(
  { environment }: Unpacked,
  folder: string,
  program: SpinningProgram,
): Promise<RealDebuginfod> {
  const files = join(folder, "files");
  mkdirSync(files);
  writeFileSync(join(files, "program.debug"), program.debugFile);
  const port = await freePort();
  const words = ["-p", String(port), "-d", join(folder, "index.sqlite"), "-F", files];
  const env = { ...process.env, ...environment, DEBUGINFOD_URLS: "", DEBUGINFOD_CACHE_PATH: join(folder, "client") };
  const child = spawn("debuginfod", words, { env, stdio: "ignore" });
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await until(async () => {
      const answer = await fetch(`${url}/buildid/${program.buildId}/debuginfo`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.status === 200;
    }, SCAN_MS);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, openSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { unpackedRuntimes } from "./debian-packages.js";

/** What has not ended by then hangs. */
const RUN_MS = 120_000;
const SOURCE = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";

/**
 * Where a program is: installed, administrators' folders included, or else unpacked from Debian's packages; undefined where
 * it is in neither.
 */
export function findProgram(name: string): string | undefined {
  const installed = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  return findIn(installed, name) ?? findIn(unpackedRuntimes()?.programs ?? [], name);
}

function findIn(folders: readonly string[], name: string): string | undefined {
  return folders
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Why these programs cannot be run as root here; "" where they can. */
export function reasonToSkip(names: readonly string[]): string {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  if (process.getuid?.() !== 0) return "needs root";
  const library = spawnSync("cc", ["-print-file-name=libc.a"], { encoding: "utf8" }).stdout;
  return names.includes("cc") && !path.isAbsolute(library) ? "needs a static C library" : "";
}

/** What is unpacked needs its own libraries, and finds its own helpers first. */
function environmentOf(command: string, env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own =
    path.isAbsolute(command) && unpackedRuntimes()?.programs.includes(path.dirname(command)) === true
      ? unpackedRuntimes()?.environment
      : undefined;
  return { ...process.env, ...own, ...env };
}

/** Runs to the end and gives what it printed. */
export function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env: environmentOf(command, env),
    timeout: RUN_MS,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** A daemon with a folder of its own, which is stopped and started again, and leaves nothing. */
export interface Daemon {
  readonly folder: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts it when asked, and waits for its socket. `args` may name files in `folder`, which is the caller's to remove. */
export function daemonOf(
  folder: string,
  command: string,
  args: readonly string[],
  socket: string,
  env: Readonly<Record<string, string>> = {},
): Daemon {
  let stop = async (): Promise<void> => Promise.resolve();
  return {
    folder,
    start: async () => {
      const log = openSync(path.join(folder, "log"), "a");
      const child = spawn(command, args, { stdio: ["ignore", log, log], env: environmentOf(command, env) });
      const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
      stop = async () => {
        child.kill("SIGTERM");
        const killer = setTimeout(10_000, undefined, { ref: false }).then(() => child.kill("SIGKILL"));
        await Promise.race([ended, killer]);
        await ended;
        await rm(socket, { force: true });
      };
      for (let waited = 0; !(await exists(socket)); waited += 50) {
        if (child.exitCode !== null || waited > 60_000) {
          await stop();
          throw new Error(
            `${command} does not start: ${(await readFile(path.join(folder, "log"), "utf8")).slice(-1000)}`,
          );
        }
        await setTimeout(50);
      }
    },
    stop: () => stop(),
  };
}

/** Removes the cgroups of this name at the top of every hierarchy, which runc leaves when it removes those below. */
export function removeCgroups(name: string): void {
  const root = "/sys/fs/cgroup";
  for (const folder of [root, ...readdirSync(root).map((hierarchy) => path.join(root, hierarchy))]) {
    const cgroup = path.join(folder, name);
    if (existsSync(cgroup)) rmdirSync(cgroup);
  }
}

/** A folder for a runtime: with `rootfs/pause`, a program that waits. Short, for a socket's path has 107 characters at most. */
export async function runtimeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "hf-"));
  mkdirSync(path.join(folder, "rootfs"));
  writeFileSync(path.join(folder, "pause.c"), SOURCE);
  run("cc", ["-static", "-Os", "-o", path.join(folder, "rootfs/pause"), path.join(folder, "pause.c")]);
  return folder;
}

/** An image archive, as `docker save` writes it, of the folder's rootfs. */
export async function writeImage(folder: string, name: string): Promise<string> {
  const layer = path.join(folder, "layer.tar");
  run("tar", ["-C", path.join(folder, "rootfs"), "-cf", layer, "pause"]);
  const digest = createHash("sha256")
    .update(await readFile(layer))
    .digest("hex");
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const config = { architecture, os: "linux", config: { Cmd: ["/pause"] } };
  const rootfs = { type: "layers", diff_ids: [`sha256:${digest}`] };
  writeFileSync(path.join(folder, "config.json"), JSON.stringify({ ...config, rootfs, history: [{}] }));
  const manifest = [{ Config: "config.json", RepoTags: [name], Layers: ["layer.tar"] }];
  writeFileSync(path.join(folder, "manifest.json"), JSON.stringify(manifest));
  const archive = path.join(folder, "image.tar");
  run("tar", ["-C", folder, "-cf", archive, "manifest.json", "config.json", "layer.tar"]);
  return archive;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

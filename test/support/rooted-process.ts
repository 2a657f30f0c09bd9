import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A process that waits in a root of its own, as one in a container does. */
export interface RootedProcess {
  readonly pid: number;
  end(): Promise<void>;
}

/** Why there can be none here, or undefined. */
export function cannotRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "chroot needs root";
}

let waiter: string | undefined;

/** A static program that does nothing until its standard input ends: so none outlives the test. */
function builtWaiter(): string {
  if (waiter === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "hostflame-waiter-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const source = join(folder, "waiter.c");
    writeFileSync(source, `#include <unistd.h>\nint main(void) { char c; while (read(0, &c, 1) > 0) {} return 0; }\n`);
    waiter = join(folder, "waiter");
    execFileSync("gcc", ["-static", "-O1", "-o", waiter, source]);
  }
  return waiter;
}

/**
 * Starts it in a folder, where its program stays. `mounted`: a folder in the root that is mounted to begin with, from another folder, in a mount namespace
 * that only this process has.
 */
export async function rootedProcess(
  root: string,
  mounted?: { readonly at: string; readonly from: string },
): Promise<RootedProcess> {
  const inside = join(root, "waiter");
  mkdirSync(dirname(inside), { recursive: true });
  if (!existsSync(inside)) copyFileSync(builtWaiter(), inside);
  const words =
    mounted === undefined
      ? ["chroot", root, "/waiter"]
      : [
          ...["unshare", "--mount", "sh", "-c", `mount --bind "$1" "$2" && exec chroot "$3" /waiter`, "sh"],
          ...[mounted.from, join(root, mounted.at), root],
        ];
  const child = spawn(words[0], words.slice(1), { stdio: ["pipe", "ignore", "inherit"] });
  const exited = once(child, "exit");
  for (let waited = 0; ; waited += 5) {
    if (runs(child.pid!)) break;
    if (waited > 10_000 || child.exitCode !== null) throw new Error(`${words.join(" ")} did not start`);
    await sleep(5);
  }
  return {
    pid: child.pid!,
    async end() {
      child.stdin.end();
      await exited;
    },
  };
}

function runs(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith("/waiter");
  } catch {
    return false;
  }
}

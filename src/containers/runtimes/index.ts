import { statSync } from "node:fs";
import path from "node:path";
import { containerd } from "./containerd.js";
import { cri } from "./cri.js";
import { docker } from "./docker.js";
import type { RuntimeModule } from "./runtime.js";

/** In order of preference: where one socket answers to two, the first tells more. */
export const RUNTIMES: readonly RuntimeModule[] = [containerd, cri, docker];

export interface FoundSocket {
  readonly module: RuntimeModule;
  readonly socket: string;
}

/**
 * The usual sockets that there are now, under the first of `roots` that has each ("/" and the place where the host's
 * root is mounted). Paths that lead to one socket count once.
 */
export function findSockets(roots: readonly string[]): readonly FoundSocket[] {
  const seen = new Set<string>();
  const found: FoundSocket[] = [];
  for (const module of RUNTIMES) {
    for (const relative of module.sockets) {
      for (const root of roots) {
        const socket = path.join(root, relative);
        const identity = socketIdentity(socket);
        if (identity === undefined || seen.has(identity)) continue;
        seen.add(identity);
        found.push({ module, socket });
      }
    }
  }
  return found;
}

/** Device and inode of a socket; undefined for what is none. */
export function socketIdentity(file: string): string | undefined {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat?.isSocket() === true ? `${stat.dev}:${stat.ino}` : undefined;
  } catch {
    // A folder on the way that we may not enter, or that is a file: for us there is no socket.
    return undefined;
  }
}

/**
 * What answers at a socket: each kind is asked its version, in order of preference. Undefined when none answers, and soon
 * after the signal.
 */
export async function kindOfSocket(
  socket: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<RuntimeModule | undefined> {
  for (const module of RUNTIMES) {
    if (signal.aborted) return undefined;
    const runtime = module.open(socket, { timeoutMs });
    const close = () => runtime.close();
    signal.addEventListener("abort", close);
    const answers = await runtime.version().then(
      () => true,
      () => false,
    );
    signal.removeEventListener("abort", close);
    runtime.close();
    if (answers) return module;
  }
  return undefined;
}

import { closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import { errnoOf } from "../util/errno.js";
import { O_PATH } from "../util/path-handle.js";

/**
 * A process that runs the executable, or did, and the executable's path as /proc shows it to us. The process may be gone, and
 * its number another's: what is found there must say itself whose it is.
 */
export interface SeenAt {
  /** Processes of one executable, to be tried in turn until one is there. */
  readonly pids: readonly number[];
  readonly path: string;
}

/** A folder that paths are followed in as if it were `/`. */
export interface Root {
  /** Of the process that ran the executable, most often a container's; or this machine's. */
  readonly kind: "own" | "host";
  readonly fd: number;
  /** Where /proc says that it lies: what links of /proc begin with that lead into it; "/" of a container's. */
  readonly path: string;
  /**
   * Whether what is mounted in it belongs to it. Not of a container's: it may have mounted a file system that it answers for
   * itself, and who asks that one waits.
   */
  readonly crossesMounts: boolean;
}

/** Why a process's root cannot be looked into. */
export type RootProblem = "process-gone" | "root-not-permitted";

/** Where files are sought, while a batch of one executable is named. */
export interface Roots {
  /** Undefined when there is no such process any more, or none was named. */
  readonly own: Root | undefined;
  readonly host: Root | undefined;
  /** Why there is none of a process that was named. */
  readonly problem: RootProblem | undefined;
  close(): void;
}

/** Opens the roots for a batch. `hostRoot`: this machine's root, found by itself when it is not told. */
export function openRoots(seenAt: SeenAt | undefined, hostRoot?: string): Roots {
  const host = openHost(hostRoot);
  let own: Root | undefined;
  let problem: RootProblem | undefined;
  for (const pid of seenAt?.pids ?? []) {
    const opened = openOwn(pid, host);
    problem = typeof opened === "string" ? opened : undefined;
    if (typeof opened === "string") continue;
    own = opened;
    break;
  }
  return {
    ...{ own, host, problem },
    close() {
      for (const fd of new Set([own, host].flatMap((root) => root?.fd ?? []))) closeSync(fd);
    },
  };
}

/** What a link of /proc that leads into a root shows, as a path in that root; undefined when it leads elsewhere. */
export function pathInside({ path }: Pick<Root, "path">, shown: string): string | undefined {
  if (path === "/") return shown.startsWith("/") ? shown : undefined;
  return shown.startsWith(`${path}/`) ? shown.slice(path.length) : undefined;
}

/** The root of process 1, where we may look into it: in a container that shares the host's processes ours is another. */
function openHost(hostRoot: string | undefined): HostRoot | undefined {
  const places = hostRoot === undefined ? ["/proc/1/root", "/"] : [hostRoot];
  for (const place of places) {
    const fd = openFolder(place);
    if (typeof fd === "string") continue;
    const namespace = readLink(place === "/proc/1/root" ? "/proc/1/ns/mnt" : "/proc/self/ns/mnt");
    return { kind: "host", fd, path: linkOf(fd), crossesMounts: true, namespace };
  }
  return undefined;
}

interface HostRoot extends Root {
  /** Its mount namespace, "" when we may not know. */
  readonly namespace: string;
}

function openOwn(pid: number, host: HostRoot | undefined): Root | RootProblem {
  const fd = openFolder(`/proc/${pid}/root`);
  if (typeof fd === "string") return fd === "ENOENT" || fd === "ESRCH" ? "process-gone" : "root-not-permitted";
  const namespace = readLink(`/proc/${pid}/ns/mnt`);
  if (host !== undefined && namespace !== "" && namespace === host.namespace && isSame(fd, host.fd)) {
    closeSync(fd);
    return host;
  }
  return { kind: "own", fd, path: linkOf(fd), crossesMounts: false };
}

/** A descriptor, or the system's name for why there is none. */
function openFolder(path: string): number | string {
  try {
    return openSync(path, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "") throw error;
    return errno;
  }
}

function isSame(one: number, other: number): boolean {
  const [a, b] = [one, other].map((fd) => fstatSync(fd, { bigint: true }));
  return a.dev === b.dev && a.ino === b.ino;
}

function linkOf(fd: number): string {
  return readLink(`/proc/self/fd/${fd}`);
}

/** "" when it cannot be read: what is compared with it is then not the same. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return "";
  }
}

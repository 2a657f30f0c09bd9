import { errnoOf } from "./errno.js";

/** Anything else is told by its errno in lower case. */
const BY_ERRNO: Readonly<Record<string, string>> = {
  ENOSPC: "disk-full",
  EDQUOT: "disk-full",
  EROFS: "read-only",
  EACCES: "forbidden",
  EPERM: "forbidden",
  ENOTDIR: "not-a-folder",
  EEXIST: "not-a-folder",
  ELOOP: "not-a-folder",
};

/** What is the matter with a file system, in a word that is good for a metric. */
export function diskProblemOf(error: unknown): string {
  const errno = errnoOf(error);
  return errno === "" ? "unknown" : (BY_ERRNO[errno] ?? errno.toLowerCase());
}

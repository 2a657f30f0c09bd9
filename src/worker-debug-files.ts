import { fstatSync } from "node:fs";
import { findDownloaded } from "./debuginfod/find-downloaded.js";
import { DebugFiles } from "./debugfiles/debug-files.js";
import type { Downloads } from "./debugfiles/places.js";
import { loadNative, type Native } from "./native/load.js";

/** Where the worker looks for debug files: in folders, and in that of downloads where there is one. */
export function openDebugFiles(debuginfodDir: string | undefined): DebugFiles {
  /** Loaded when a file is first sought. */
  let native: Native | undefined;
  return new DebugFiles(
    (root, path, crossMounts, use) => {
      native ??= loadNative();
      return native.addon.withPath(root, path, crossMounts, use);
    },
    { downloads: debuginfodDir === undefined ? undefined : downloadsIn(debuginfodDir) },
  );
}

/** The debug files in a folder of downloads. */
export function downloadsIn(directory: string): Downloads {
  return (buildId) => {
    const fd = findDownloaded(directory, buildId);
    if (fd === undefined) return { problem: "not-found" };
    const { dev, ino, size } = fstatSync(fd);
    // Not its time of change, which is that of its last use.
    return { fd, size, identity: [dev, ino, size].join(":"), realPath: undefined };
  };
}

import { loadNative, type Native } from "./native/load.js";
import { SourceMapReader } from "./source-maps/answer.js";

/** Looks into source maps with what the worker thread has and keeps. */
export function openSourceMaps(): SourceMapReader {
  /** Loaded when a file is first opened. */
  let native: Native | undefined;
  return new SourceMapReader((root, path, crossMounts, use) => {
    native ??= loadNative();
    return native.addon.withPath(root, path, crossMounts, use);
  });
}

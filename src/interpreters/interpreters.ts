import type { Interpreter } from "./interpreter.js";

interface Language {
  /** What every file of its interpreter exports, and hardly another. */
  readonly exported: string;
  readonly load: () => Promise<Interpreter>;
  /**
   * What its file is called where it is mapped, for a runtime whose compiled code keeps no frame pointers: stacks may end before
   * they come to that file.
   */
  readonly soughtAs?: string;
}

/** Every language there is: a line each. A file is the first one's that says so. */
export const INTERPRETERS: readonly Language[] = [
  { exported: "_PyRuntime", load: async () => (await import("./python/python.js")).python },
  {
    exported: "gHotSpotVMStructs",
    load: async () => (await import("./hotspot/detect.js")).HOTSPOT,
    soughtAs: "libjvm.so",
  },
  // v8::V8::GetVersion(), which addons may call: every node exports it, and so does libnode.
  { exported: "_ZN2v82V810GetVersionEv", load: async () => (await import("./v8/v8-interpreter.js")).V8_INTERPRETER },
];

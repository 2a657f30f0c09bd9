import { HOTSPOT } from "./hotspot/detect.js";
import type { Interpreter } from "./interpreter.js";
import { python } from "./python/python.js";
import { V8_INTERPRETER } from "./v8/v8-interpreter.js";

/** Every language there is: a line each. A file is the first one's that says so. */
export const INTERPRETERS: readonly Interpreter[] = [python, HOTSPOT, V8_INTERPRETER];

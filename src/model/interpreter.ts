/** Runtimes whose own frames are shown in place of what runs them, by the names that options and metrics have. */
export const INTERPRETER_NAMES = ["python", "v8", "hotspot"] as const;
export type InterpreterName = (typeof INTERPRETER_NAMES)[number];

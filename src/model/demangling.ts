/**
 * How names of functions are shown. "full": demangled; "short": so, with template and generic arguments as `<...>`; "none": as the
 * linker has them.
 */
export const DEMANGLINGS = ["full", "short", "none"] as const;
export type Demangling = (typeof DEMANGLINGS)[number];

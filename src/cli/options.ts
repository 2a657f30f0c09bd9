import { DEMANGLINGS } from "../model/demangling.js";
import { INTERPRETER_NAMES } from "../model/interpreter.js";
import { recordDebuginfodOptions } from "./debuginfod-options.js";
import { list, type OptionValues, optionalValue, toggle, value } from "./option.js";
import { bytes, comm, duration, file, integer, oneOf, orWord, powerOfTwoBytes } from "./values.js";

const MIB = 1024 ** 2;
/** PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h). */
const PID_MAX = 4 * 1024 ** 2;

/** Whatever samples has these. */
export const UNWIND_MEMORY = {
  kind: bytes(MIB, 4096 * MIB),
  flag: "--unwind-memory",
  defaultText: "64MiB",
  help: "memory for unwind tables; beyond it those of the least sampled files are dropped",
} as const;
export const RING_MEMORY = {
  kind: orWord(["auto"], powerOfTwoBytes(MIB / 2, 256 * MIB)),
  flag: "--ring-memory",
  defaultText: "auto",
  help: "memory for samples on their way out of the kernel; auto: 2MiB to 16MiB, by rate and CPUs",
} as const;
export const DEMANGLE = {
  kind: oneOf(DEMANGLINGS, "HOW"),
  flag: "--demangle",
  defaultText: "full",
  help: "how names of C++ and Rust are shown: full; short, with template arguments as <...>; none, as the linker has them",
} as const;

export const EXCLUDE_INTERPRETERS = {
  kind: oneOf(INTERPRETER_NAMES, "LANGUAGE"),
  flag: "--exclude-interpreters",
  help: "languages whose functions are not shown: their stacks have the frames of what runs them",
} as const;

/** The one table of what `hostflame record` can be told. */
export const recordOptions = {
  durationMs: value(duration(100, 24 * 3_600_000), {
    flag: "--duration",
    defaultText: "10s",
    help: "how long to sample; Ctrl-C ends early and still writes",
  }),
  // Above 999 Hz sampling is felt by what is sampled, and another tick would often find the last one's work undone.
  frequencyHz: value(integer(1, 999, "HZ"), {
    flag: "--frequency",
    defaultText: "99",
    help: "samples a second on each CPU",
  }),
  output: optionalValue(file, {
    flag: "--output",
    help: "write the profile here, as gzipped pprof (go tool pprof, Parca, Pyroscope)",
  }),
  flamegraph: optionalValue(file, {
    flag: "--flamegraph",
    help: "write a flame graph here, one HTML file that needs no network",
  }),
  folded: optionalValue(file, {
    flag: "--folded",
    help: "write folded stacks here, comm;root;…;leaf count a line (flamegraph.pl, speedscope)",
  }),
  json: toggle({
    flag: "--json",
    help: "print the summary as JSON on standard output in place of the table",
  }),
  pids: list(integer(1, PID_MAX, "PID"), {
    flag: "--pid",
    help: "record only these processes, as the host numbers them",
  }),
  comms: list(comm, {
    flag: "--comm",
    help: "record only threads with these names",
  }),
  demangling: value(DEMANGLE.kind, DEMANGLE),
  excludedInterpreters: list(EXCLUDE_INTERPRETERS.kind, EXCLUDE_INTERPRETERS),
  ...recordDebuginfodOptions,
  unwindMemoryBytes: value(UNWIND_MEMORY.kind, UNWIND_MEMORY),
  ringMemoryBytes: value(RING_MEMORY.kind, RING_MEMORY),
  quiet: toggle({
    flag: "--quiet",
    help: "no progress on the terminal",
  }),
} as const;

/** The one table of what `hostflame check` can be told. */
export const checkOptions = {
  json: toggle({
    flag: "--json",
    help: "print the findings as JSON on standard output in place of the table",
  }),
} as const;

export type CheckOptions = OptionValues<typeof checkOptions>;

/** What `hostflame config` can be told beside all that the agent can. */
export const configOptions = {
  json: toggle({
    flag: "--json",
    help: "print the configuration as JSON in place of the table",
  }),
} as const;

import type { CommandHelp } from "./help.js";
import { checkOptions, recordOptions } from "./options.js";

export const recordCommand: CommandHelp = {
  name: "record",
  summary: "profile this machine for a while and write what it did",
  description:
    "Samples the stacks of every process and of the kernel, then prints the hottest functions and writes\n" +
    "the files asked for. Ctrl-C ends early and still writes; a second Ctrl-C stops without writing.",
  options: Object.values(recordOptions),
  examples: [
    ["hostflame record", "ten seconds at 99 Hz, the hottest functions as a table"],
    ["hostflame record --duration 1m --output cpu.pb.gz", "a minute, for go tool pprof"],
    ["hostflame record --flamegraph cpu.html --comm nginx", "the threads called nginx, as a flame graph"],
    ["hostflame record --pid 17 23 --frequency 999", "two processes, finely"],
  ],
};

export const checkCommand: CommandHelp = {
  name: "check",
  summary: "say what this kernel and these rights allow, and what to do",
  description:
    "Looks at the kernel, the rights of this process and the settings that matter, loads the BPF programs\n" +
    "to see whether they are accepted, and says of each what to do. Changes nothing.",
  options: Object.values(checkOptions),
  examples: [
    ["hostflame check", "a table"],
    ["hostflame check --json", "the same for a script"],
  ],
};

export const commands: readonly CommandHelp[] = [recordCommand, checkCommand];

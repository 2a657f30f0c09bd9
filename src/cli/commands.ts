import type { CommandHelp } from "./help.js";
import { agentOptions } from "./agent-options.js";
import { checkOptions, configOptions, recordOptions } from "./options.js";

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

export const agentCommand: CommandHelp = {
  name: "agent",
  summary: "profile this machine all the time; what the DaemonSet runs",
  description:
    "Samples the stacks of every process and of the kernel until it is told to stop, and writes, each\n" +
    "window, a profile of every service and container: named, and labelled with node, namespace, pod,\n" +
    "container and workload. The first SIGTERM or Ctrl-C ends the window and writes it; the second ends\n" +
    "the program.\n\n" +
    "A flag stands over its environment variable, that one over those of older agents, those over the\n" +
    "file that --config names, and that over the default.",
  options: Object.values(agentOptions),
  examples: [
    ["hostflame agent", "every minute, into /var/lib/hostflame/profiles"],
    ["hostflame agent --window 10s --output-dir /tmp/profiles --listen off", "a try, without HTTP"],
    ['hostflame agent --exporter "http://pyroscope:4040 tenant=a"', "to a Pyroscope, too"],
    ["hostflame agent --mode opt-in", 'only pods annotated hostflame.io/profile: "true"'],
  ],
};

export const configCommand: CommandHelp = {
  name: "config",
  summary: "print what the agent would go by, and where it comes from",
  description:
    "Takes every option of hostflame agent, reads them together with this environment and the file that\n" +
    "--config names, and prints each option's value with its source. Secrets are masked. What is wrong is\n" +
    "named, all of it, and nothing is printed then.",
  options: Object.values(configOptions),
  examples: [
    ["hostflame config", "a table"],
    ["hostflame config --json --config /etc/hostflame.yaml", "for a script"],
  ],
};

export const commands: readonly CommandHelp[] = [recordCommand, agentCommand, configCommand, checkCommand];

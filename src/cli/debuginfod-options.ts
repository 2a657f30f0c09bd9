import { serverProblem, serverWord } from "../debuginfod/servers.js";
import { shownUrl } from "../exporters/options/address.js";
import { absolutePath } from "./agent-values.js";
import { optionalValue, spaced, value } from "./option.js";
import { bytes, duration, type ValueKind } from "./values.js";

const MIB = 1024 ** 2;

/** A word of DEBUGINFOD_URLS. */
const server: ValueKind<string> = {
  accepts: "URLs such as https://debuginfod.example, with spaces between them",
  placeholder: "URL",
  parse: (text) => (serverProblem(text) === undefined ? serverWord(text) : undefined),
  explain: (given) => (typeof given === "string" ? serverProblem(given) : undefined) ?? "is a map, and no URL",
  show: shownUrl,
  format: shownUrl,
};

const FOLDER = absolutePath("a folder", "FOLDER");

/** Rows of whoever downloads debug files. */
export const debuginfodOptions = {
  debuginfodUrls: spaced(server, {
    flag: "--debuginfod-urls",
    aliases: ["DEBUGINFOD_URLS"],
    help: "download debug files of stripped programs from these debuginfod servers, which then know what runs here; none unless given",
  }),
  debuginfodBytes: value(bytes(MIB, 1024 ** 4), {
    flag: "--debuginfod-bytes",
    defaultText: "1GiB",
    help: "room for all downloaded debug files; those used least lately are removed beyond it",
  }),
  debuginfodFileBytes: value(bytes(1024, 64 * 1024 ** 3), {
    flag: "--debuginfod-file-bytes",
    defaultText: "512MiB",
    help: "the largest debug file that is downloaded",
  }),
} as const;

/** The agent's: it has a folder of its own, and downloads beside all else. */
export const agentDebuginfodOptions = {
  ...debuginfodOptions,
  debuginfodDir: value(FOLDER, {
    flag: "--debuginfod-dir",
    defaultText: "/var/lib/hostflame/debuginfod",
    help: "keep downloaded debug files here",
  }),
  debuginfodTimeoutMs: value(duration(1000, 6 * 3_600_000), {
    flag: "--debuginfod-timeout",
    defaultText: "10m",
    help: "how long one download may take",
  }),
} as const;

/** Of a recording, for whose result somebody waits. */
export const recordDebuginfodOptions = {
  ...debuginfodOptions,
  debuginfodDir: optionalValue(FOLDER, {
    flag: "--debuginfod-dir",
    aliases: ["DEBUGINFOD_CACHE_PATH"],
    help: "keep downloaded debug files here; in hostflame/debuginfod of $XDG_CACHE_HOME or ~/.cache unless given",
  }),
  debuginfodWaitMs: value(duration(0, 3_600_000), {
    flag: "--debuginfod-wait",
    defaultText: "30s",
    help: "how long to wait for them, all together; Ctrl-C goes on without those that have not come",
  }),
} as const;

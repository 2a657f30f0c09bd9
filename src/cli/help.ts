import { EXIT_MEANINGS } from "../model/exit-codes.js";
import type { Option } from "./option.js";

/** What `hostflame help` tells of one command. */
export interface CommandHelp {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What it does, as paragraphs of at most 100 columns. */
  readonly description: string;
  readonly options: readonly Option<unknown>[];
  readonly examples: readonly (readonly [command: string, meaning: string])[];
}

const WIDTH = 100;
const HELP_ROW: readonly [string, string] = ["--help", "print this and stop"];

/** `hostflame --help`. */
export function overview(commands: readonly CommandHelp[]): string {
  return joinSections([
    "hostflame profiles a whole Linux machine: every stack of every process and of the kernel, named,\n" +
      "without frame pointers and without touching what it profiles.",
    `Usage: hostflame COMMAND [options]`,
    section("Commands", [
      ...commands.map(({ name, summary }) => [name, summary] as const),
      ["help [COMMAND]", "print the help of a command"],
      ["version", "print the version"],
    ]),
    exitCodes(),
  ]);
}

/** `hostflame COMMAND --help`: complete, so that nobody needs another page. */
export function commandHelp(command: CommandHelp): string {
  return joinSections([
    command.description,
    `Usage: hostflame ${command.name} [options]`,
    section("Options", [...command.options.map((option) => [synopsis(option), details(option)] as const), HELP_ROW]),
    section("Examples", command.examples),
    exitCodes(),
  ]);
}

/** The same table as Markdown, for docs/options.md. */
export function optionsMarkdown(commands: readonly CommandHelp[]): string {
  const lines = [
    "# Options",
    "",
    "Written from the option table by `UPDATE_GOLDEN=1 npm test -- unit/cli`.",
    "",
    "A flag stands over its environment variable, that one over those of older agents, those over the configuration file of",
    "`hostflame agent --config FILE`, and that over the default. Where several variables are named, the first one that is set",
    "stands; those after the first are older agents', so that a manifest written for one of them works, or debuginfod's own.",
  ];
  for (const { name, options } of commands) {
    lines.push(
      "",
      `## hostflame ${name}`,
      "",
      "| flag | environment | default | meaning | accepts |",
      "|---|---|---|---|---|",
    );
    for (const option of options) {
      const fallback = option.defaultText === "" ? "" : `\`${option.defaultText}\``;
      const accepts = option.takes === "none" ? "" : option.accepts;
      const variables = variablesOf(option)
        .map((name) => name.replace(/[A-Z_]{2,}/g, "`$&`"))
        .join(", ");
      lines.push(`| \`${synopsis(option)}\` | ${variables} | ${fallback} | ${option.help} | ${accepts} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function synopsis({ flag, takes, placeholder }: Option<unknown>): string {
  if (takes === "none") return flag;
  return `${flag} ${placeholder}${takes === "many" ? "…" : ""}`;
}

/** What is accepted is said where there is a default, whose bounds one would guess; a FILE or a PID speaks for itself. */
function details(option: Option<unknown>): string {
  const { help, takes, accepts, defaultText } = option;
  const bounded = takes !== "none" && defaultText !== "";
  const variables = variablesOf(option).join(", else ");
  return `${help} [${[...(bounded ? [`default ${defaultText}`, accepts] : []), variables].join("; ")}]`;
}

function variablesOf({ environment, aliases, together }: Option<unknown>): readonly string[] {
  return [environment, ...aliases, ...together];
}

function exitCodes(): string {
  return section(
    "Exit codes",
    EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]),
  );
}

/** Two columns; the second wrapped under itself, or put on its own line when the first is long. */
function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...rows.map(([left]) => left.length));
  const indent = Math.min(widest, 24) + 4;
  const lines = rows.flatMap(([left, right]) => {
    const wrapped = wrap(right, WIDTH - indent).map((line) => " ".repeat(indent) + line);
    if (left.length > indent - 4) return [`  ${left}`, ...wrapped];
    const [first = "", ...rest] = wrapped;
    return [`  ${left}`.padEnd(indent) + first.slice(indent), ...rest];
  });
  return [`${title}:`, ...lines].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function joinSections(sections: readonly string[]): string {
  return `${sections.join("\n\n")}\n`;
}

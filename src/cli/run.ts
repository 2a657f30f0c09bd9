import { agentOptions } from "./agent-options.js";
import { readArguments, UsageError } from "./arguments.js";
import { agentCommand, checkCommand, commands, recordCommand } from "./commands.js";
import { EXIT } from "../model/exit-codes.js";
import { explainError } from "./explain.js";
import { type CommandHelp, commandHelp, overview } from "./help.js";
import type { Output } from "./output.js";
import { checkOptions, recordOptions } from "./options.js";
import { suggest } from "./suggest.js";

/** What the shell hands a program, and where it may write; tests hand their own. */
export interface Shell {
  /** After the program's name. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Runs one command and says how to exit. Every error ends here, as one sentence on stderr. */
export async function run(shell: Shell): Promise<number> {
  try {
    return await dispatch(shell);
  } catch (error) {
    if (error instanceof UsageError) {
      shell.stderr.write(`hostflame: ${error.message}\n`);
      return EXIT.usage;
    }
    const { sentence, exitCode } = explainError(error);
    shell.stderr.write(`hostflame: ${sentence}\n`);
    if (shell.environment["HOSTFLAME_DEBUG"] === "1" && error instanceof Error) shell.stderr.write(`${error.stack}\n`);
    return exitCode;
  }
}

/** The commands' own modules are imported only when they run: help and mistakes answer at once. */
async function dispatch({ words, environment, stdout, stderr }: Shell): Promise<number> {
  const [name = "help", ...rest] = words;
  switch (name) {
    case "record": {
      const options = readArguments(recordOptions, rest, environment);
      if (options === "help") return print(stdout, commandHelp(recordCommand));
      const { record } = await import("./record.js");
      return record(options, stdout, stderr);
    }
    case "check": {
      const options = readArguments(checkOptions, rest, environment);
      if (options === "help") return print(stdout, commandHelp(checkCommand));
      const { check } = await import("./check.js");
      return check(options, stdout);
    }
    case "agent": {
      const options = readArguments(agentOptions, rest, environment);
      if (options === "help") return print(stdout, commandHelp(agentCommand));
      const { agent } = await import("./agent.js");
      const read = (): typeof options => readArguments(agentOptions, rest, environment) as typeof options;
      return agent(options, read, stdout);
    }
    case "help":
    case "--help":
    case "-h":
      return print(stdout, rest[0] === undefined ? overview(commands) : commandHelp(findCommand(rest[0])));
    case "version":
    case "--version": {
      const { TOOL } = await import("../model/tool.js");
      return print(stdout, `${TOOL}\n`);
    }
    default:
      findCommand(name);
      throw new Error(`command ${name} is listed and not dispatched`);
  }
}

function print(stdout: Output, text: string): number {
  stdout.write(text);
  return EXIT.ok;
}

function findCommand(name: string): CommandHelp {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = [...commands.map((command) => command.name), "help", "version"];
  const meant = suggest(name, names);
  const advice = meant === undefined ? `there are ${names.join(", ")}.` : `did you mean ${meant}?`;
  throw new UsageError(`There is no command ${JSON.stringify(name)}; ${advice}`);
}

import { readArguments } from "./arguments.js";
import { agentCommand, checkCommand, commands, configCommand, recordCommand } from "./commands.js";
import { EXIT } from "../model/exit-codes.js";
import { explainError } from "./explain.js";
import { type CommandHelp, commandHelp, overview } from "./help.js";
import type { Output } from "./output.js";
import { checkOptions, recordOptions } from "./options.js";
import { unknownVariables } from "./known-variables.js";
import { suggest } from "./suggest.js";
import { UsageError } from "./usage-error.js";
import { asksForHelp } from "./words.js";

/** What the shell hands a program, and where it may write; tests hand their own. */
export interface Shell {
  /** After the program's name. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Runs one command and says how to exit. Every error ends here, as one sentence on stderr; of wrong words, one for each. */
export async function run(shell: Shell): Promise<number> {
  try {
    return await dispatch(shell);
  } catch (error) {
    if (error instanceof UsageError) {
      for (const problem of error.problems) shell.stderr.write(`hostflame: ${problem}\n`);
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
      warn(environment, stderr);
      const { record } = await import("./record.js");
      return record(options, stdout, stderr);
    }
    case "check": {
      const options = readArguments(checkOptions, rest, environment);
      if (options === "help") return print(stdout, commandHelp(checkCommand));
      warn(environment, stderr);
      const { check } = await import("./check.js");
      return check(options, stdout);
    }
    case "agent": {
      if (asksForHelp(rest)) return print(stdout, commandHelp(agentCommand));
      const { AgentSource } = await import("./agent-source.js");
      const source = new AgentSource({ words: rest, environment });
      const configuration = await source.read();
      const { agent } = await import("./agent.js");
      return agent(configuration, source, stdout);
    }
    case "config": {
      if (asksForHelp(rest)) return print(stdout, commandHelp(configCommand));
      const { config } = await import("./config.js");
      return config({ words: rest, environment }, stdout, stderr);
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

/** What says nothing stops nobody. */
function warn(environment: Shell["environment"], stderr: Output): void {
  for (const sentence of unknownVariables(environment)) stderr.write(`hostflame: ${sentence}\n`);
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

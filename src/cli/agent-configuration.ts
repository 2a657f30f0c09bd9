import type { AgentOptions } from "../model/agent-options.js";
import { agentOptions } from "./agent-options.js";
import { readConfigurationFile, readConfigurationText } from "./configuration-file.js";
import { type AskedExporter, readExporters } from "./exporters.js";
import { unknownVariables } from "./known-variables.js";
import { olderAgentLayer } from "./older-agents.js";
import {
  type Environment,
  flagLayer,
  type LayeredValues,
  olderVariableLayer,
  RANKS,
  readLayers,
  type Source,
  subjectOf,
  variableLayer,
} from "./sources.js";
import { UsageError } from "./usage-error.js";
import { collectFlags } from "./words.js";

type Rows = typeof agentOptions;

/** What the agent's configuration is read from. */
export interface ConfigurationInput {
  /** After the command's name. */
  readonly words: readonly string[];
  readonly environment: Environment;
  /** Gives the text of the file that --config names; that file itself unless a test says otherwise. Rejects as node:fs does. */
  readonly readFile?: (path: string) => Promise<string>;
}

/** The agent's configuration, as a whole and right; frozen. */
export interface AgentConfiguration {
  readonly options: AgentOptions;
  /** Where each row of the option table came from. */
  readonly sources: { readonly [Name in keyof Rows]: Source };
  /** Where {@link AgentOptions.exporters} came from: the highest source that names any. */
  readonly exportersFrom: readonly Source[];
  /** Sentences about what says nothing; nothing of it stops the agent. */
  readonly warnings: readonly string[];
  /** The file that was read, and is to be read again when it changes; undefined where none is named. */
  readonly file: string | undefined;
}

/**
 * Reads all that the agent is told: flags, over our variables, over those of older agents, over the file, over defaults. Reads two kinds
 * of files only, the one that --config names and exporters' certificates; changes nothing, and may be called again at any time.
 *
 * @throws {UsageError} whose `problems` are a sentence for every wrong value
 */
export async function readAgentConfiguration(input: ConfigurationInput): Promise<AgentConfiguration> {
  const { words, environment, readFile = readConfigurationText } = input;
  const rows = Object.values(agentOptions);
  const flags = collectFlags(rows, words);
  const above = [flagLayer(flags.texts), variableLayer(environment)];
  const path = readLayers({ config: agentOptions.config }, above).values.config;
  const file = path === undefined ? undefined : await readConfigurationFile(path, rows, readFile);
  const layered = readLayers(agentOptions, [
    ...above,
    olderVariableLayer(environment),
    olderAgentLayer(environment, agentOptions.collectionAgent.aliases),
    ...(file === undefined ? [] : [file.layer]),
  ]);
  const asked = askedExporters(layered);
  const { specs, problems } = await readExporters(asked.exporters);
  const all = [...flags.problems, ...(file?.problems ?? []), ...layered.problems, ...problems];
  if (all.length > 0) throw new UsageError(all);
  const { exporter: _exporter, collectionAgent: _agent, intake: _intake, config: _config, ...values } = layered.values;
  const options: AgentOptions = Object.freeze({ ...values, exporters: Object.freeze(specs) });
  return Object.freeze({
    options,
    sources: Object.freeze(layered.sources),
    exportersFrom: asked.from,
    warnings: [...unknownVariables(environment), ...idle(layered, asked, options)],
    file: path,
  });
}

interface Asked {
  readonly exporters: readonly AskedExporter[];
  readonly from: readonly Source[];
}

/**
 * Where profiles go is one question, which two options answer: the highest source that answers it gives all of them. So a variable that
 * every pod of a cluster has, or one of the image's, adds no exporter to those that somebody names.
 */
function askedExporters({ values, sources }: LayeredValues<Rows>): Asked {
  const { exporter, collectionAgent } = values;
  const both = [sources.collectionAgent, sources.exporter];
  const rank = RANKS.find((each) => each !== "default" && both.some((source) => source.rank === each));
  const exporters: AskedExporter[] = [];
  if (sources.collectionAgent.rank === rank && collectionAgent !== undefined) {
    const subject = subjectOf(sources.collectionAgent, agentOptions.collectionAgent);
    exporters.push({ subject, written: { kind: values.intake, url: collectionAgent, options: {} } });
  }
  if (sources.exporter.rank === rank) {
    const subject = subjectOf(sources.exporter, agentOptions.exporter);
    exporters.push(...exporter.map((written) => ({ subject, written })));
  }
  return { exporters, from: both.filter((source) => source.rank === rank) };
}

/** What was given and changes nothing. */
function idle({ values, sources }: LayeredValues<Rows>, asked: Asked, options: AgentOptions): readonly string[] {
  const sentences: string[] = [];
  const isUsed = asked.from.includes(sources.collectionAgent);
  if (values.intake !== undefined && !isUsed) {
    const subject = subjectOf(sources.intake, agentOptions.intake);
    sentences.push(
      `${subject} says what listens at --collection-agent, which is not given or not used; it says nothing.`,
    );
  }
  for (const name of ["collectionAgent", "exporter"] as const) {
    const source = sources[name];
    if (source.rank === "default" || asked.from.includes(source)) continue;
    const above = asked.from.map((each) => each.name).join(" and ");
    sentences.push(`${subjectOf(source, agentOptions[name])} is not used: ${above} says where profiles go.`);
  }
  if (options.outputDir === "off" && options.exporters.length === 0) {
    sentences.push("Profiles go nowhere: --output-dir is off, and no exporter is given; give one with --exporter.");
  }
  return sentences;
}

import { COMMON_OPTIONS } from "#src/exporters/intake.js";
import { INTAKES } from "#src/exporters/intakes.js";
import type { OptionTable } from "#src/exporters/options/option.js";

function rows(table: OptionTable, left: readonly string[] = []): string {
  return Object.entries(table)
    .filter(([name]) => !left.includes(name))
    .map(
      ([name, { help, accepts, secret }]) => `| \`${name}\` | ${help} | ${accepts}${secret ? "; never printed" : ""} |`,
    )
    .join("\n");
}

const HEAD = "| option | meaning | accepts |\n|---|---|---|";

function section({ kind, title, port, options }: (typeof INTAKES)[number]): string {
  const own = rows(options, Object.keys(COMMON_OPTIONS));
  const table = own === "" ? "No options beside those of every exporter." : `${HEAD}\n${own}`;
  return `### ${kind}\n\n${title.replace(/^an? /, "")}; port ${port}.\n\n${table}`;
}

/** docs/exporters.md: the tables are written out of the intakes' own, the rest is prose. */
export function exportersDocument(): string {
  return `# Exporters

The tables are written from the intakes themselves by \`UPDATE_GOLDEN=1 npm test -- unit/cli\`.

Profiles go to the folder of \`--output-dir\`, and to every exporter that is given. Each exporter has a queue, retries and a spool
of its own: one that is away delays none of the others, and gets what it missed when it is back. With \`--output-dir off\` profiles
are only sent.

## Giving exporters

An exporter is a URL and options, \`NAME=VALUE\`, with spaces between them and quotes around a value that has spaces. The
\`kind\` is told from the URL's path, port or host where it is not given.

As flags, an exporter each:

    hostflame agent --exporter "http://pyroscope:4040 tenant=shop" --exporter "http://otel-collector:4317"

As a variable, an exporter a line:

    - name: HOSTFLAME_EXPORTER
      value: |
        https://pyroscope.example tenant=shop user=hostflame password-file=/run/secrets/pyroscope
        kind=datadog api-key-file=/run/secrets/datadog site=datadoghq.eu

In the file that \`--config\` or \`HOSTFLAME_CONFIG\` names:

    exporters:
      - url: https://pyroscope.example
        tenant: shop
        user: hostflame
        password-file: /run/secrets/pyroscope
      - url: https://collector.example:4318
        headers:
          x-api-key: "…"

\`--collection-agent URL\`, with \`--intake KIND\` where the URL does not tell, is short for one without options.

The highest source that gives any exporter gives all of them: flags, our variables, those of older agents, the file. So
\`DD_AGENT_HOST\` in every pod of a cluster adds nothing to what \`HOSTFLAME_EXPORTER\` says. \`hostflame config\` prints what comes of it.

A secret goes over TLS, or to this machine, unless \`insecure\` says otherwise. It is best in a file that is mounted, which is read
at each use, so that it may be renewed. One that is given as text works and is masked wherever hostflame prints it; \`ps\` shows
the flags of every process all the same.

## Options of every exporter

${HEAD}
| \`kind\` | what listens there | ${INTAKES.map(({ kind }) => kind).join(", ")} |
${rows(COMMON_OPTIONS)}

Metrics, the readiness report and the spool's folder go by \`name\`, which is the kind unless given; two exporters of one kind need
two names.

## Options of each kind

${INTAKES.map(section).join("\n\n")}
`;
}

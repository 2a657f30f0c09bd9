import { LABEL_RULES } from "#src/labels/labels.js";
import { ENV_RULES, type NameRule, SERVICE_RULES, VERSION_RULES } from "#src/labels/service.js";

function numbered(rules: readonly NameRule[]): string {
  return rules.map(({ from }, index) => `${index + 1}. ${from}`).join("\n");
}

/** docs/labels.md: what is in tables and rules is written out, the rest is prose. */
export function labelsDocument(): string {
  return `# Labels, services and what is sampled

The numbered lists and the table of labels are written from the rules themselves by
\`UPDATE_GOLDEN=1 npm test -- unit/labels\`.

## Under which name a profile is filed

Every profile has a service, an env and a version. For each the first of these that says anything counts. Names are cleaned:
control characters become spaces, white space around is cut, 200 characters are kept; a name of which nothing is left says
nothing. \`<container>\` is the container's name in the pod.

### Service

${numbered(SERVICE_RULES)}

If all are silent, \`unknown\`. All processes of a container under one name make one profile; a process that names its service
itself has a profile of its own, with the same labels. Past 50 services of one container (or unit, or the host's own commands), and
past 500 profiles of a node, the lightest are merged: into their container's own service, or into \`other\` of their namespace.

### Env

${numbered(ENV_RULES)}

### Version

${numbered(VERSION_RULES)}

A process's environment is read once or twice at its first samples, only the variables named here are kept, and nothing of
its command line. Its OpenTelemetry context is read out of its memory from a second after its first sample on, at most 60
contexts a minute. A process that is gone before it was read (the most short-lived ones) is filed under what its
container's specification, its pod or its cgroup say.

## Labels

In this order; one whose value is not known is left out.

| label | value |
|---|---|
| \`node\` | the node's name |
${LABEL_RULES.map(({ name, meaning }) => `| \`${name}\` | ${meaning} |`).join("\n")}
| \`pod_label.<name>\` | the pod's label of that name, of those chosen by option |
| \`pod_annotation.<name>\` | the pod's annotation of that name, of those chosen by option |
| the operator's tags | as given |

Where the container's runtime and the path of the cgroup or the Kubernetes API contradict each other, the runtime is believed,
and it is counted. While the API server is away, what the runtime knows (namespace, pod, container, image) is there all the same.

### Tags

\`key:value,key:value\`. A value may hold colons; of a key that is given twice the last counts; where there is no comma and each
word is a tag, spaces part them. \`service\`, \`env\` and \`version\` become defaults for what nobody else named. A key that is one of
the labels above (\`node\`, \`pod\`, …) is refused at the start: a tag must not tell whose a profile is.

## What a pod may say

| annotation | value | meaning |
|---|---|---|
| \`hostflame.io/profile\` | \`"false"\` | not sampled: no stack of it is even unwound, within a second of the annotation |
| | \`"true"\` | sampled in mode \`opt-in\` |
| \`hostflame.io/frequency\` | samples a second on each CPU, \`"10"\` | one tick in (node's frequency ÷ this, rounded, 1 to 255) is sampled; never more than the node's |
| \`hostflame.io/schedule\` | five fields of cron, \`"*/10 * * * *"\`, or \`"@hourly"\` | sampled only from then on, for the duration; by the agent's time zone, to the second |
| \`hostflame.io/duration\` | a time, \`"90s"\`, \`"5m"\`, \`"1h"\`, or seconds, \`"240"\` | how long each time; 60 s unless given |
| \`hostflame.io/service\`, \`/env\`, \`/version\` | a name | as above; with \`<container>.\` before \`service\`, \`env\` or \`version\`, of one container |

A value of \`hostflame.io/profile\` that is neither is taken for \`"false"\`, one of \`hostflame.io/frequency\` that is no number above 0
is ignored, and so is a schedule that is none; all are counted, and said once in the log.

Outside its schedule a pod is refused in the kernel, and counted under the reason \`schedule\`. A window that it ran for a part of has
that part. A node that rests by its own \`--schedule\` does not begin to sample because of a pod: a pod is sampled when both
schedules say so. When the node's rate changes, \`hostflame.io/frequency\` is a part of the new one from then on.

## What the operator selects

Namespaces to include or exclude, a label selector for pods (Kubernetes' syntax: \`key=value\`, \`key!=value\`, \`key in (a,b)\`,
\`key notin (a,b)\`, \`key\`, \`!key\`), mode \`all\` or \`opt-in\`, and whether the host's own processes are sampled. These stand above
the pods' annotations: a pod can refuse what they allow, and cannot ask for what they exclude. The agent's own container is like any
other.

| | mode \`all\` | mode \`opt-in\` |
|---|---|---|
| a pod without an annotation | sampled | refused |
| a container whose pod is not known yet | sampled; decided when the window ends | refused until it is |
| … whose namespace or labels a list needs, and which stays unknown | left out when the window ends, and counted | refused |
| a container outside Kubernetes | no namespace and no labels: refused by an include list, not by an exclude list | refused |
| what is in no container | by the option for the host | by the option for the host |
| a cgroup of which nothing is known (more than 144 levels deep) | only where no list, no mode and no option refuses anything | refused |

In redacted namespaces function names leave the node hashed, and neither environment nor memory of a process is read. A container
whose namespace is not known yet is redacted where any namespace is.
`;
}

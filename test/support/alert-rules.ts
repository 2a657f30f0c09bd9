import { readFileSync } from "node:fs";

export const RULES_FILE = "deploy/alerts/rules.yaml";

const COPY = `# A copy of ${RULES_FILE}; \`UPDATE_GOLDEN=1 npm test -- unit/deploy\` writes it again.\n`;

/** What the rules' copies are made of: the groups, without what is said before them. */
function groups(): string {
  const text = readFileSync(RULES_FILE, "utf8");
  return text.slice(text.indexOf("groups:"));
}

/** Each copy of the rules, by its file. */
export function ruleCopies(): ReadonlyMap<string, string> {
  const indented = groups().replace(/^(?=.)/gm, "  ");
  const object = `${COPY}apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: hostflame
  namespace: hostflame
  labels:
    app.kubernetes.io/name: hostflame
    app.kubernetes.io/instance: hostflame
spec:
${indented}`;
  return new Map([
    ["deploy/components/prometheus-rule/prometheus-rule.yaml", object],
    ["deploy/helm/hostflame/files/alerts.yaml", groups()],
  ]);
}

/** One alert, as the text of the rule file has it. */
export interface AlertText {
  readonly name: string;
  readonly text: string;
}

export function alertTexts(): readonly AlertText[] {
  return groups()
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({ name: text.slice(0, text.indexOf("\n")), text }));
}

/** Names of metrics of ours in a text, each once. */
export function metricNames(text: string): readonly string[] {
  return [...new Set(text.match(/\bhostflame_[a-z0-9_]+[a-z0-9]\b/g) ?? [])].sort();
}

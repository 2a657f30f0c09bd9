import { listOf, monitoringDefinition, objectOf, text, textMap } from "./custom-resource-definition.js";

const rule = objectOf({ alert: text, expr: text, for: text, labels: textMap, annotations: textMap }, "expr");
const group = objectOf({ name: text, rules: listOf(rule) }, "name");

export const PROMETHEUS_RULE_DEFINITION = monitoringDefinition("PrometheusRule", objectOf({ groups: listOf(group) }));

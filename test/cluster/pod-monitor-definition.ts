import { listOf, monitoringDefinition, objectOf, text, textMap, texts } from "./custom-resource-definition.js";

const relabeling = objectOf({
  sourceLabels: texts,
  ...{ targetLabel: text, regex: text, replacement: text, action: text },
});

const endpoint = objectOf({
  ...{ port: text, path: text, scheme: text, interval: text, scrapeTimeout: text },
  relabelings: listOf(relabeling),
});

const spec = {
  selector: objectOf({ matchLabels: textMap }),
  namespaceSelector: objectOf({ matchNames: texts, any: { type: "boolean" } }),
  podTargetLabels: texts,
  podMetricsEndpoints: listOf(endpoint),
};

export const POD_MONITOR_DEFINITION = monitoringDefinition("PodMonitor", objectOf(spec, "selector"));

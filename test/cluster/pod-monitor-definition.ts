const text = { type: "string" };
const texts = { type: "array", items: text };
const textMap = { type: "object", additionalProperties: text };

/**
 * The Prometheus operator's PodMonitor as its API reference describes it, as far as ours goes: the API server then refuses
 * a field that is misspelt or in the wrong place.
 */
export const POD_MONITOR_DEFINITION = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "podmonitors.monitoring.coreos.com" },
  spec: {
    group: "monitoring.coreos.com",
    scope: "Namespaced",
    names: { kind: "PodMonitor", listKind: "PodMonitorList", plural: "podmonitors", singular: "podmonitor" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["selector"],
                properties: {
                  selector: { type: "object", properties: { matchLabels: textMap } },
                  namespaceSelector: { type: "object", properties: { matchNames: texts, any: { type: "boolean" } } },
                  podTargetLabels: texts,
                  podMetricsEndpoints: {
                    type: "array",
                    items: {
                      type: "object",
                      properties: {
                        port: text,
                        path: text,
                        scheme: text,
                        interval: text,
                        scrapeTimeout: text,
                        relabelings: {
                          type: "array",
                          items: {
                            type: "object",
                            properties: {
                              sourceLabels: texts,
                              targetLabel: text,
                              regex: text,
                              replacement: text,
                              action: text,
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

const text = { type: "string" };
const textMap = { type: "object", additionalProperties: text };

/** The Prometheus operator's PrometheusRule as its API reference describes it, as far as ours goes. */
export const PROMETHEUS_RULE_DEFINITION = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "prometheusrules.monitoring.coreos.com" },
  spec: {
    group: "monitoring.coreos.com",
    scope: "Namespaced",
    names: {
      kind: "PrometheusRule",
      listKind: "PrometheusRuleList",
      plural: "prometheusrules",
      singular: "prometheusrule",
    },
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
                properties: {
                  groups: {
                    type: "array",
                    items: {
                      type: "object",
                      required: ["name"],
                      properties: {
                        name: text,
                        rules: {
                          type: "array",
                          items: {
                            type: "object",
                            required: ["expr"],
                            properties: { alert: text, expr: text, for: text, labels: textMap, annotations: textMap },
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

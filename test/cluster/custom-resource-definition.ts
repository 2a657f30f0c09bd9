/** What API servers know of a field. */
export type FieldSchema = Readonly<Record<string, unknown>>;

export const text: FieldSchema = { type: "string" };
export const texts: FieldSchema = { type: "array", items: text };
export const textMap: FieldSchema = { type: "object", additionalProperties: text };

/** An object with these fields and no others. */
export function objectOf(
  properties: Readonly<Record<string, FieldSchema>>,
  ...required: readonly string[]
): FieldSchema {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

export function listOf(items: FieldSchema): FieldSchema {
  return { type: "array", items };
}

/**
 * A kind of the Prometheus operator's as its API reference describes it, as far as ours goes: the API server then refuses a field
 * that is misspelt or in the wrong place.
 */
export function monitoringDefinition(kind: string, spec: FieldSchema) {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  const schema = { openAPIV3Schema: objectOf({ spec }) };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: "monitoring.coreos.com",
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

const MAX_ATTRIBUTES = 128;

/**
 * One attribute of OTEL_RESOURCE_ATTRIBUTES, "key1=value1,key2=value2" with percent-encoded values (OpenTelemetry's
 * resource SDK specification), or "" when it is not there. Of a key that stands twice the last counts. An entry that
 * does not follow the form is passed over, and a value that is no percent-encoding stands as it is.
 */
export function resourceAttribute(text: string | undefined, ...keys: readonly string[]): string {
  if (text === undefined) return "";
  const values = new Map<string, string>();
  for (const entry of text.split(",", MAX_ATTRIBUTES)) {
    const equals = entry.indexOf("=");
    if (equals > 0) values.set(entry.slice(0, equals).trim(), decoded(entry.slice(equals + 1).trim()));
  }
  for (const key of keys) {
    const value = values.get(key);
    if (value !== undefined && value !== "") return value;
  }
  return "";
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // Not percent-encoded, whatever the specification says: many write "50% faster" just so.
    return value;
  }
}

/**
 * Looking into parsed JSON whose form nobody promised. What is not there, or is of another type, reads as empty.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

const NOTHING: JsonObject = Object.freeze({});

export function objectOf(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : NOTHING;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A time as the API writes it, in milliseconds since the epoch; undefined when it is none. */
export function timeOf(value: unknown): number | undefined {
  const ms = Date.parse(textOf(value));
  return Number.isNaN(ms) ? undefined : ms;
}

/** The text cut to so many UTF-16 units. A copy: V8's own slice would hold on to all of the text it was cut from. */
export function cutText(text: string, limit: number): string {
  return text.length <= limit ? text : Buffer.from(text.slice(0, limit), "utf8").toString("utf8");
}

import type { Log } from "#src/model/log.js";

/** A log that says nothing, and remembers which events there were. */
export function quietLog(): Log & { readonly events: readonly string[] } {
  const events: string[] = [];
  const note = (event: string): void => {
    events.push(event);
  };
  return { events, debug: note, info: note, warn: note, error: note, repeated: (_, event) => events.push(event) };
}

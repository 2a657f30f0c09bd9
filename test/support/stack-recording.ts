import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One recorded stack, in the text format of test/bpf-host/README.md. */
export interface StackRecording {
  /** File without its extension. */
  readonly file: string;
  readonly name: string;
  /** From its `recording` line on. */
  readonly text: string;
}

const RECORDINGS = "test/bpf-host/recordings";

export function readRecordings(directory = RECORDINGS): StackRecording[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .flatMap((name) => {
      const parts = readFileSync(join(directory, name), "utf8").split(/^(?=recording )/m);
      return parts.map((text) => ({
        file: name.slice(0, -".txt".length),
        name: /^recording (.*)$/m.exec(text)?.[1] ?? "",
        text,
      }));
    });
}

/** The frames and the outcome that a recording expects, a line each, without the names that are for readers. */
export function expectationOf(recording: StackRecording): string {
  return recording.text
    .split("\n")
    .filter((line) => line.startsWith("frame ") || line.startsWith("outcome "))
    .map((line) => (line.startsWith("frame ") ? line.split(" ").slice(0, 3).join(" ") : line))
    .join("\n");
}

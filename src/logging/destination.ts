import sonicBoom from "sonic-boom";
import { jsonLine, terminalLine, type LogLine } from "./line.js";

/** What waits for a reader that does not read. Some 4,000 lines. */
const MAX_WAITING_BYTES = 1 << 20;

/** Where log lines go. */
export interface LogDestination {
  /** Lines that were left out because nobody read those before them. */
  readonly dropped: number;
  write(line: LogLine): void;
  /** Writes what waits, for at most so long, and closes the descriptor, unless it is standard output. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * A descriptor as a place for lines: written on libuv's pool, so that a pipe which nobody empties holds up no sample. Of
 * a terminal lines are for eyes.
 */
export function openLogDestination(fd: number, terminal: { readonly color: boolean } | undefined): LogDestination {
  const stream = new sonicBoom.SonicBoom({ fd, sync: false, maxLength: MAX_WAITING_BYTES });
  let dropped = 0;
  let gone = false;
  stream.on("drop", () => {
    dropped++;
  });
  // A reader that is gone (EPIPE) ends the log and not the agent.
  stream.on("error", () => {
    gone = true;
  });
  return {
    get dropped() {
      return dropped;
    },
    write(line) {
      if (gone) {
        dropped++;
        return;
      }
      stream.write(terminal === undefined ? jsonLine(line) : terminalLine(line, terminal.color));
    },
    close: (timeoutMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          stream.destroy();
          resolve();
        }, timeoutMs);
        const done = (): void => {
          clearTimeout(timer);
          resolve();
        };
        if (gone) {
          done();
          return;
        }
        gone = true; // what is said from now on is too late
        stream.once("error", done);
        stream.once("close", done);
        stream.end();
      }),
  };
}

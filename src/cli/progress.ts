import type { DownloadProgress, RecordProgress, RecordReporter } from "../model/record-reporter.js";
import { grouped } from "../util/grouped.js";
import type { Output } from "./output.js";

/** The line is for eyes: more often is only work. */
const MINIMUM_INTERVAL_MS = 100;
const BAR_CELLS = 24;
const CLEAR_LINE = "\r\u001b[K";

export interface ReporterOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly quiet: boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/**
 * Progress on stderr, as one line that is written over, and only on a terminal; results on stdout. Warnings go to
 * stderr even when quiet: they say what is wrong with the result.
 */
export function createReporter({ stdout, stderr, quiet, now }: ReporterOptions): RecordReporter {
  const shown = stderr.terminal && !quiet;
  let lastMs = Number.NEGATIVE_INFINITY;
  let lineIsDrawn = false;

  const clear = (): void => {
    if (lineIsDrawn) stderr.write(CLEAR_LINE);
    lineIsDrawn = false;
  };

  const draw = (line: (columns: number) => string): void => {
    const nowMs = now();
    if (!shown || nowMs - lastMs < MINIMUM_INTERVAL_MS) return;
    lastMs = nowMs;
    stderr.write(`${CLEAR_LINE}${line(stderr.columns)}`);
    lineIsDrawn = true;
  };

  return {
    get columns() {
      return stdout.columns;
    },
    color: stdout.color,
    progress(progress) {
      draw((columns) => progressLine(progress, columns));
    },
    downloading(progress) {
      draw((columns) => downloadLine(progress, columns));
    },
    done: clear,
    warn(sentence) {
      clear();
      stderr.write(`hostflame: ${sentence}\n`);
    },
    print(text) {
      clear();
      stdout.write(text);
    },
  };
}

/** "recording ━━━━──── 4.2 s of 10 s  1,234 samples  99.8 % complete  2 lost", cut to the columns there are. */
export function progressLine(progress: RecordProgress, columns: number): string {
  const { elapsedMs, durationMs, samples, lost, complete } = progress;
  const share = Math.min(1, elapsedMs / durationMs);
  const filled = Math.floor(share * BAR_CELLS);
  const bar = "━".repeat(filled) + "─".repeat(BAR_CELLS - filled);
  const parts = [
    `recording ${bar} ${seconds(elapsedMs)} of ${seconds(durationMs)}`,
    `${grouped(samples)} samples`,
    ...(samples === 0 ? [] : [`${((100 * complete) / samples).toFixed(1)} % complete`]),
    ...(lost === 0 ? [] : [`${grouped(lost)} lost`]),
  ];
  return parts.join("  ").slice(0, Math.max(0, columns - 1));
}

/** "debug files: 3 came, 2 on their way, 12.4 MiB, 4 s of 30 s; Ctrl-C goes on without", cut to the columns there are. */
export function downloadLine(
  { elapsedMs, waitMs, arrived, waiting, bytes }: DownloadProgress,
  columns: number,
): string {
  const size = `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const time = `${Math.floor(elapsedMs / 1000)} s of ${seconds(waitMs)}`;
  const line = `debug files: ${arrived} came, ${waiting} on their way, ${size}, ${time}; Ctrl-C goes on without`;
  return line.slice(0, Math.max(0, columns - 1));
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds % 1000 === 0 ? 0 : 1)} s`;
}

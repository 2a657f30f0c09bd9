/** How far a recording has come. */
export interface RecordProgress {
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly samples: number;
  /** Samples that the kernel side could not hand over. */
  readonly lost: number;
  /** Samples whose stack reached its root. */
  readonly complete: number;
}

/** How far the download of debug files has come, after the recording. */
export interface DownloadProgress {
  readonly elapsedMs: number;
  /** When they are waited for no longer. */
  readonly waitMs: number;
  /** Files that came, and those that are looked for. */
  readonly arrived: number;
  readonly waiting: number;
  readonly bytes: number;
}

/** Whom a recording tells what it does; the command line draws it on a terminal. */
export interface RecordReporter {
  /** Columns that a printed table may take. */
  readonly columns: number;
  /** Whether printed text may hold colours. */
  readonly color: boolean;
  /** Replaces the progress shown before; cheap, and safe to call at any rate. */
  progress(progress: RecordProgress): void;
  /** The same of debug files that are waited for. */
  downloading(progress: DownloadProgress): void;
  /** Takes the progress away: what follows is for good. */
  done(): void;
  /** Something a person should know, one sentence. */
  warn(sentence: string): void;
  /** The result: the table, or the JSON that was asked for. Ends in a newline. */
  print(text: string): void;
}

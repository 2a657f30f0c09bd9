/** How hostflame ends. Scripts rely on these: a new meaning gets a new number. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unsupported: 3,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
  /** 128 + SIGPIPE, likewise. */
  brokenPipe: 141,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For the help, in order. */
export const EXIT_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT.ok, "all went well"],
  [EXIT.failed, "it failed, or check found something missing"],
  [EXIT.usage, "a flag, a value or an environment variable is wrong"],
  [EXIT.unsupported, "the rights or the kernel do not allow it; hostflame check says what to do"],
  [EXIT.interrupted, "a second Ctrl-C ended it before anything was written"],
  [EXIT.brokenPipe, "what read its output stopped reading, as head does"],
];

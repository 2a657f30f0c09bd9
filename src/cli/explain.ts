import { EXIT, type ExitCode } from "../model/exit-codes.js";

/** The shape of what the addon throws, and of what node:fs throws (with `syscall` and `path` in place of `operation`). */
interface SystemError extends Error {
  readonly code: string;
  readonly operation?: string;
  readonly log?: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
}

export interface Explanation {
  /** One sentence for the terminal: what went wrong and what to do. */
  readonly sentence: string;
  readonly exitCode: ExitCode;
}

interface Rule {
  readonly applies: (error: SystemError) => boolean;
  readonly explain: (error: SystemError) => string;
  readonly exitCode: ExitCode;
}

const REFUSED = new Set(["EPERM", "EACCES"]);
const LOADER_CODES = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"]);

/** The first rule that applies explains. From the particular to the general. */
const rules: readonly Rule[] = [
  {
    applies: ({ code, message }) => LOADER_CODES.has(code) && /\.node\b|addon/.test(message),
    explain: () => "The native addon is not built for this machine: run npm run setup.",
    exitCode: EXIT.failed,
  },
  {
    applies: ({ log, message }) => /no BTF|valid kernel BTF|kernel BTF|vmlinux BTF/i.test(`${message}\n${log ?? ""}`),
    explain: () =>
      "This kernel does not describe its types (no /sys/kernel/btf/vmlinux): boot one built with CONFIG_DEBUG_INFO_BTF=y.",
    exitCode: EXIT.unsupported,
  },
  {
    applies: ({ code, operation }) => REFUSED.has(code) && (operation ?? "").includes("perf_event_open"),
    explain: ({ operation, code }) =>
      `The kernel refused sampling (${operation}: ${code}): run as root, or give CAP_PERFMON, or CAP_SYS_ADMIN where kernel.perf_event_paranoid is 3 or more.`,
    exitCode: EXIT.unsupported,
  },
  {
    // The verifier says EACCES or EINVAL and writes a log; missing rights say EPERM and write none.
    applies: ({ operation, log, code }) =>
      (operation ?? "").startsWith("load") && code !== "EPERM" && (log ?? "").trim() !== "",
    explain: ({ operation, code, log }) =>
      `This kernel's verifier did not accept the BPF programs (${operation}: ${code}; "${lastLine(log ?? "")}"): please report it with the output of hostflame check --json.`,
    exitCode: EXIT.unsupported,
  },
  {
    applies: ({ code, operation }) => REFUSED.has(code) && operation !== undefined,
    explain: ({ operation, code }) =>
      `The kernel refused to ${operation} (${code}): run as root, or give CAP_BPF and CAP_PERFMON, and in a container let seccomp pass bpf and perf_event_open.`,
    exitCode: EXIT.unsupported,
  },
  {
    applies: ({ code, operation }) => code === "ENOSYS" && operation !== undefined,
    explain: ({ operation }) =>
      `This kernel cannot ${operation} (ENOSYS): boot one with CONFIG_BPF_SYSCALL=y and CONFIG_PERF_EVENTS=y.`,
    exitCode: EXIT.unsupported,
  },
  {
    applies: ({ code, operation }) => code === "ENOMEM" && operation !== undefined,
    explain: ({ operation }) =>
      `There is not enough memory to ${operation} (ENOMEM): give less with --ring-memory and --unwind-memory, or raise ulimit -l on Linux 5.10.`,
    exitCode: EXIT.failed,
  },
  {
    applies: ({ code }) => code === "EMFILE",
    explain: () => "Too many files are open (EMFILE): raise the limit with ulimit -n 65536.",
    exitCode: EXIT.failed,
  },
  {
    applies: ({ operation }) => operation !== undefined,
    explain: ({ operation, code, log }) =>
      `The kernel could not ${operation} (${code}${(log ?? "").trim() === "" ? "" : `; "${lastLine(log ?? "")}"`}); hostflame check says what this machine allows.`,
    exitCode: EXIT.failed,
  },
  {
    applies: ({ syscall }) => syscall === "listen" || syscall === "bind",
    explain: ({ code, address, port }) =>
      `Cannot listen on ${address ?? "that address"}:${port ?? ""} (${code}): ${LISTEN_WORDS[code] ?? "give another address with --listen"}.`,
    exitCode: EXIT.failed,
  },
  {
    applies: ({ path, syscall }) => path !== undefined && syscall !== undefined,
    explain: ({ path, message, code }) => `${path}: ${FILE_WORDS[code] ?? message}.`,
    exitCode: EXIT.failed,
  },
];

const LISTEN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program, perhaps another agent, listens there; end it, or give another port with --listen",
  EADDRNOTAVAIL: "this machine does not have that address; give one that it has, or 0.0.0.0, with --listen",
  EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE; give another with --listen",
};

const FILE_WORDS: Readonly<Record<string, string>> = {
  EACCES: "no permission to write there (EACCES)",
  EPERM: "not permitted there (EPERM)",
  ENOENT: "no such file or folder (ENOENT)",
  ENOTDIR: "a part of the path is not a folder (ENOTDIR)",
  EISDIR: "that is a folder (EISDIR)",
  ENOSPC: "the disk is full (ENOSPC)",
  EROFS: "the file system is read-only (EROFS)",
};

/** One sentence for an addon's {@link ../native/addon.NativeError}, for the check and for messages. */
export function explainNativeError(error: unknown): string {
  return explainError(error).sentence;
}

/** What to print and how to exit, whatever was thrown. */
export function explainError(error: unknown): Explanation {
  if (!(error instanceof Error)) return { sentence: String(error), exitCode: EXIT.failed };
  if (error instanceof HostObstacle) return { sentence: error.message, exitCode: EXIT.unsupported };
  const rule = isSystemError(error) ? rules.find(({ applies }) => applies(error)) : undefined;
  if (rule === undefined || !isSystemError(error)) {
    return { sentence: oneSentence(error.message), exitCode: EXIT.failed };
  }
  return { sentence: oneSentence(rule.explain(error)), exitCode: rule.exitCode };
}

/** The host lacks something without which nothing can be recorded; the message says what to do. */
export class HostObstacle extends Error {
  override readonly name = "HostObstacle";
}

function isSystemError(error: Error): error is SystemError {
  return "code" in error && typeof error.code === "string";
}

function lastLine(log: string): string {
  // libbpf closes a verifier log with its own bookkeeping; the verifier's last word stands before it.
  const lines = log.split("\n").filter((line) => !/^\s*$|^libbpf:|^processed \d+ insns|^-- END|^-- BEGIN/.test(line));
  return (lines.at(-1) ?? log.trim().split("\n").at(-1) ?? "").trim().slice(0, 200);
}

function oneSentence(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}

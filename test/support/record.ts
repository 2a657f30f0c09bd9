import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseFolded, type FoldedStack } from "./folded.js";

/** What `record --json` prints when it is done; fields that no test reads are not named here. */
export interface Summary {
  readonly samples: number;
  readonly lost: number;
  readonly complete: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly [field: string]: unknown;
}

export interface Recording {
  readonly stacks: readonly FoldedStack[];
  readonly summary: Summary;
  readonly periodNs: number;
  /** The pprof file's bytes. */
  readonly profile: Buffer;
  /** What `record` itself used, from its start to the end of the work: seconds of CPU, and MiB at most. */
  readonly usage: { readonly userSeconds: number; readonly systemSeconds: number; readonly peakRssMiB: number };
}

export interface RecordOptions {
  /** Hz; 999 when not given. */
  readonly frequency?: number;
  /** Further arguments of `record`. */
  readonly args?: readonly string[];
}

const PROGRAM = "dist/main.js";
/** Longer than any test's work; the recording is ended by SIGINT. */
const DURATION = "600s";

/** Why `record` cannot run here, or undefined. */
export function cannotRecord(): string | undefined {
  if (process.getuid?.() !== 0) return "recording needs root";
  if (!existsSync(PROGRAM)) return `${PROGRAM} is not built`;
  return undefined;
}

/** CPU ticks of a process, all its threads. */
export function readUsage(pid: number): Recording["usage"] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return {
    userSeconds: Number(fields[11]) / 100,
    systemSeconds: Number(fields[12]) / 100,
    peakRssMiB: Number(peak ?? 0) / 1024,
  };
}

/** True once a perf event is open in the process: sampling has begun. */
function isSampling(pid: number): boolean {
  try {
    return readLinks(`/proc/${pid}/fd`).includes("anon_inode:[perf_event]");
  } catch {
    return false;
  }
}

function readLinks(directory: string): string {
  return readdirSync(directory)
    .map((name) => {
      try {
        return readlinkSync(join(directory, name));
      } catch {
        return "";
      }
    })
    .join("\n");
}

/** Returns once `record` samples, or has ended; throws when it does neither. */
export async function untilSampling(child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 20) {
    if (child.exitCode !== null) return;
    if (isSampling(child.pid!)) {
      /* The last CPU's event follows the first one's within this. */
      await sleep(200);
      return;
    }
    await sleep(20);
  }
  throw new Error("record did not begin to sample within 30 s");
}

/** Runs `record` on the whole machine while `work` runs, then ends it as Ctrl-C does and reads what it wrote. */
export async function recordWhile(options: RecordOptions, work: (pid: number) => Promise<void>): Promise<Recording> {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-record-"));
  const folded = join(directory, "stacks.folded");
  const profile = join(directory, "profile.pb.gz");
  const frequency = options.frequency ?? 999;
  const args = ["record", "--duration", DURATION, "--frequency", String(frequency)];
  args.push("--folded", folded, "--output", profile, "--json", ...(options.args ?? []));
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const closed = once(child, "close");
  try {
    await untilSampling(child);
    if (child.exitCode !== null) throw new Error(`record ended at once: ${errors}${output}`);
    await work(child.pid!);
    const usage = readUsage(child.pid!);
    child.kill("SIGINT");
    await closed;
    if (child.exitCode !== 0) {
      throw new Error(`record ended with ${String(child.exitCode ?? child.signalCode)}: ${errors}`);
    }
    const json = output.slice(output.indexOf("{"));
    return {
      stacks: parseFolded(readFileSync(folded, "utf8")),
      summary: JSON.parse(json) as Summary,
      periodNs: 1e9 / frequency,
      profile: readFileSync(profile),
      usage,
    };
  } finally {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Some microseconds a run: far longer than any test. */
const FOREVER = 4_000_000_000;
/** Loaded in a file system of its own, which is gone with the process; then the kernel runs it as often as it is told. */
const SCRIPT = `mount -t bpf bpf "$0/fs" && bpftool prog load "$0/busy.o" "$0/fs/busy" >&2 && \
exec bpftool prog run pinned "$0/fs/busy" data_in "$0/packet" repeat "$1"`;

/** Why no BPF program can be run here, or undefined. */
export function cannotRunBpf(): string | undefined {
  if (process.getuid?.() !== 0) return "loading BPF programs needs root";
  for (const tool of ["clang", "bpftool", "unshare"]) {
    try {
      execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    } catch {
      return `needs ${tool}`;
    }
  }
  return undefined;
}

/** test/fixtures/bpf/busy.bpf.c: built, and run as often as a test wants, each time loaded anew. */
export class BusyBpfProgram {
  private readonly folder = mkdtempSync(join(tmpdir(), "hostflame-bpf-"));
  private child: ChildProcess | undefined;

  constructor() {
    mkdirSync(join(this.folder, "fs"));
    writeFileSync(join(this.folder, "packet"), Buffer.alloc(64));
    const target = ["-target", "bpf", "-I", `/usr/include/${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`];
    const files = ["-c", "test/fixtures/bpf/busy.bpf.c", "-o", join(this.folder, "busy.o")];
    execFileSync("clang", ["-O2", "-g", ...target, ...files]);
  }

  /** Loads it, runs it so many times, and lets it go. */
  run(times: number): void {
    execFileSync("unshare", ["--mount", "sh", "-c", SCRIPT, this.folder, String(times)], { stdio: "ignore" });
  }

  start(): void {
    const words = ["--mount", "sh", "-c", SCRIPT, this.folder, String(FOREVER)];
    this.child = spawn("unshare", words, { stdio: "ignore" });
  }

  /** When it resolves the program is gone. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child?.exitCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

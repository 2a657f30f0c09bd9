import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { TestCgroup } from "./cgroups.js";
import { buildWorkload } from "./workload.js";
import { SCATTER } from "../workloads/scatter.js";

/** Of CPU time, milliseconds; then another program, which nobody has seen, takes its place. */
const BUDGET_MS = 400;
/** Whatever happens to the test, a program ends by then. */
const LIMIT_SECONDS = 60;
/** On a busy machine too it gets its share. */
const NICENESS = "-5";
const UID = "6f0c1a52-2222-4222-8333-0123456789ab";

/**
 * A program on each CPU whose stacks are all different, a new one each moment, until it is stopped. It runs in what looks like a
 * container: an agent with --host off samples it, and nothing else that this machine does.
 */
export class ScatterLoad {
  /** Programs started so far. */
  programs = 0;
  private readonly directory = mkdtempSync(join(tmpdir(), "hostflame-scatter-"));
  private readonly cgroup = new TestCgroup(hostCgroupHierarchy(), "kubepods", `pod${UID}`, "c".repeat(64));
  private readonly loops: readonly Promise<void>[];
  private stopping = false;

  constructor() {
    const { path } = buildWorkload(SCATTER);
    this.loops = cpus().map(() => this.loop(path));
  }

  /** The second time too, it does no harm. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    await Promise.all(this.loops);
    await this.cgroup.remove();
    rmSync(this.directory, { recursive: true });
  }

  private async loop(built: string): Promise<void> {
    while (!this.stopping) {
      const program = join(this.directory, `scatter-${this.programs++}`);
      copyFileSync(built, program);
      const child = this.cgroup.start(LIMIT_SECONDS, "nice", "-n", NICENESS, program, String(BUDGET_MS));
      await once(child, "close");
      rmSync(program);
    }
  }
}

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "agent.yaml";

/** A mounted ConfigMap of one file, changed as the kubelet does: a new folder, a link to it, and one rename over the old link. */
export class ConfigMap {
  readonly path: string;
  private version = 0;

  constructor(
    private readonly folder: string,
    text: string,
  ) {
    this.path = join(folder, FILE);
    mkdirSync(folder, { recursive: true });
    this.change(text);
    symlinkSync(join("..data", FILE), this.path);
  }

  change(text: string): void {
    const before = join(this.folder, `..v${this.version++}`);
    const now = `..v${this.version}`;
    mkdirSync(join(this.folder, now));
    writeFileSync(join(this.folder, now, FILE), text);
    symlinkSync(now, join(this.folder, "..data_tmp"));
    renameSync(join(this.folder, "..data_tmp"), join(this.folder, "..data"));
    rmSync(before, { recursive: true, force: true });
  }
}

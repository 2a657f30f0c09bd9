import { closeSync } from "node:fs";
import { readProcText } from "../processes/proc-text.js";
import { isSameStart, parseStat } from "../processes/stat.js";
import type { ProcessKey } from "../model/process-key.js";
import type { CodeFileKind } from "./answer.js";
import type { CodeFileState } from "./code-file.js";
import { bytesOf } from "./code-log.js";
import {
  identityIn,
  identityOf,
  openFile,
  openFolder,
  openLinked,
  problemOf,
  type Opened,
  type OpenProblem,
} from "./open-safely.js";
import { findDump, isLocalFolder, isRemoteDevice, parseMounts, parseStatus } from "./process-facts.js";

/** Where just-in-time compilers write perf maps, in their own root. */
const FOLDER = "/tmp";

/** A file that a process tells its code in. */
export interface OpenCodeFile {
  readonly kind: CodeFileKind;
  readonly fd: number;
  readonly identity: string;
  /** How far it was read. Whoever reads on takes it, and gives another one back. */
  state: CodeFileState | undefined;
}

interface HeldFile extends OpenCodeFile {
  /** Who reads from it at the moment; it stays open for them. */
  readers: number;
  isLetGo: boolean;
}

/** Told of each try to open a file; "opened", or why not. */
export type OnOpen = (kind: CodeFileKind, outcome: OpenProblem | "opened") => void;

/**
 * The files in which one process tells its just-in-time compiled code: opened while it lives, and readable when it has ended.
 * The folder is held too, because some are written late, or when the process ends.
 */
export class ProcessFiles {
  private readonly open = new Map<CodeFileKind, HeldFile>();
  private folder = -1;
  private mapName = "";
  private uid = -1;

  private constructor(private readonly onOpen: OnOpen) {}

  /** What there is of a process, now; of one that is gone or may not be read, why. */
  static find(process: ProcessKey, onOpen: OnOpen): ProcessFiles | OpenProblem {
    const files = new ProcessFiles(onOpen);
    try {
      const problem = files.look(process);
      if (problem === undefined) return files;
      files.close();
      return problem;
    } catch (error) {
      files.close();
      const problem = problemOf(error);
      return problem === "absent" ? "process-gone" : problem;
    }
  }

  /**
   * In order of preference; they stay open until {@link release}. A perf map that was not there, or that another has taken the
   * place of, is opened now.
   */
  hold(): readonly OpenCodeFile[] {
    if (this.folder >= 0) {
      const identity = identityIn(this.folder, this.mapName);
      const map = this.open.get("perf-map");
      if (map === undefined || (identity !== undefined && identity !== map.identity)) this.openMap();
    }
    const held = (["jitdump", "perf-map"] as const).flatMap((kind) => this.open.get(kind) ?? []);
    for (const file of held) file.readers++;
    return held;
  }

  /** What {@link hold} gave is no longer read from. */
  release(files: readonly OpenCodeFile[]): void {
    for (const file of files as readonly HeldFile[]) {
      file.readers--;
      if (file.isLetGo) letGo(file);
    }
  }

  /** Whether it tells nothing, so far. */
  get isEmpty(): boolean {
    return this.open.size === 0;
  }

  /** Memory of what was read. */
  get stateBytes(): number {
    let bytes = 0;
    for (const { state } of this.open.values()) bytes += state === undefined ? 0 : bytesOf(state.columns);
    return bytes;
  }

  get codes(): number {
    let codes = 0;
    for (const { state } of this.open.values()) codes += state?.columns.length ?? 0;
    return codes;
  }

  /** The files are read from the start the next time. */
  forgetStates(): void {
    for (const file of this.open.values()) file.state = undefined;
  }

  close(): void {
    for (const file of this.open.values()) letGo(file);
    this.open.clear();
    if (this.folder >= 0) closeSync(this.folder);
    this.folder = -1;
  }

  private look({ pid, startTimeNs }: ProcessKey): OpenProblem | undefined {
    const directory = `/proc/${pid}`;
    const status = parseStatus(readProcText(`${directory}/status`));
    if (status === undefined) return "process-gone";
    this.uid = status.uid;
    this.mapName = `perf-${status.ownPid}.map`;
    const mounts = parseMounts(readProcText(`${directory}/mountinfo`));
    const dump = findDump(readProcText(`${directory}/maps`), status.ownPid);
    const isLocal = isLocalFolder(mounts, FOLDER);
    const folder = isLocal ? openFolder(`${directory}/root`, FOLDER.slice(1)) : "remote-file-system";
    if (typeof folder === "string") {
      this.onOpen("perf-map", folder);
    } else {
      this.folder = folder.fd;
      this.openMap();
    }
    if (dump !== undefined) {
      const link = `${directory}/map_files/${dump.range}`;
      this.take("jitdump", isRemoteDevice(mounts, dump.device) ? "remote-file-system" : openLinked(link, status.uid));
    }
    // Last: if the number is still the sampled process's now, it was so in all the looks before.
    const stat = parseStat(readProcText(`${directory}/stat`));
    if (stat === undefined) return "process-gone";
    return isSameStart(stat.startTicks, startTimeNs) ? undefined : "pid-reused";
  }

  private openMap(): void {
    this.take("perf-map", openFile(this.folder, this.mapName, this.uid));
  }

  private take(kind: CodeFileKind, result: Opened | OpenProblem): void {
    this.onOpen(kind, typeof result === "string" ? result : "opened");
    if (typeof result === "string") return;
    const before = this.open.get(kind);
    if (before !== undefined) letGo(before);
    const identity = identityOf(result.stat);
    this.open.set(kind, { ...{ kind, fd: result.fd, identity, state: undefined }, readers: 0, isLetGo: false });
  }
}

/** A descriptor that is closed while somebody reads from it may soon be another file's. */
function letGo(file: HeldFile): void {
  file.isLetGo = true;
  if (file.readers === 0) closeSync(file.fd);
}

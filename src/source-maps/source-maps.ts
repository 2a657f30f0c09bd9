import { closeSync } from "node:fs";
import type { ProcessKey } from "../model/process-key.js";
import { Budget, readBudget, type ReadAllowance } from "../processes/budget.js";
import { MetProcesses, type MetProcess } from "../processes/met-processes.js";
import { ByteLru } from "../util/lru.js";
import { MAP_MISSES, type SourceMapAnswer, type SourceMapRequest } from "./request.js";
import { KnownPlaces, pointKey, pointOf, type SourcePlace } from "./known-places.js";
import { openProcessRoot, ROOT_PROBLEMS, type ProcessRoot, type RootProblem } from "./process-root.js";
import { scriptPath } from "./script-path.js";

/** Why a point of a script stays where it is. */
export const PLACE_MISSES = [
  /** The map says nothing of that point. */
  "not-mapped",
  /** The script is no file: code that was evaluated, or Node.js's own. */
  "no-file",
  ...MAP_MISSES,
  ...ROOT_PROBLEMS,
  /** The worker thread ended over the file. */
  "worker-failed",
  /** Nobody looked: the agent came near its budget. */
  "shed",
] as const;
export type PlaceMiss = (typeof PLACE_MISSES)[number];

export interface SourceMapsOptions extends ReadAllowance {
  /** Answers on the worker. */
  readonly answer: (request: SourceMapRequest) => Promise<SourceMapAnswer>;
  /** Of places, what is remembered. */
  readonly memoryBytes: number;
}

/** A MiB takes some 20 ms of CPU time (measured). The burst holds the largest script and its map, which else would never be read. */
export const DEFAULT_SOURCE_MAP_READING: ReadAllowance = { readBytesPerSecond: 1 << 19, readBurstBytes: 64 << 20 };

/** Points of one script of one process; lines and columns from 1, columns in UTF-16 code units, as V8 tells them. */
export interface ScriptPoints {
  readonly process: ProcessKey;
  /** As V8 calls it: a path, or a URL. */
  readonly script: string;
  readonly lines: Uint32Array;
  readonly columns: Uint32Array;
  /** Length of the source that V8 has, in UTF-16 code units, where it is known: else a file that only has its name is believed. */
  readonly characters?: number;
}

/** A look takes 0.3 ms. */
const LOOKS_PER_SECOND = 50;
/** Processes whose root is held open. */
const MAX_PROCESSES = 256;
/** Windows that a root stays open for without a sight of its process. */
const KEPT_WINDOWS = 2;
/** What may be otherwise the next time; the rest is so for as long as the process lives. */
const PASSING: ReadonlySet<PlaceMiss> = new Set<PlaceMiss>([
  ...(["over-budget", "shed", "too-many-open-files", "worker-failed"] as const),
]);

interface Entry extends MetProcess {
  readonly root: ProcessRoot | RootProblem | "over-budget";
  /** Who has the worker look into it at the moment; it stays open for them. */
  readers: number;
  isLetGo: boolean;
}

/** Where scripts come from, by the source maps beside them in the root of the process that runs them. */
export class SourceMaps {
  private readonly met = new MetProcesses<Entry>(
    { maxProcesses: MAX_PROCESSES, keptWindows: KEPT_WINDOWS },
    (entry) => {
      entry.isLetGo = true;
      closeRoot(entry);
    },
  );
  /** By pid and script. */
  private readonly known: ByteLru<string, KnownPlaces<PlaceMiss>>;
  private readonly looks = new Budget(LOOKS_PER_SECOND, 1000, performance.now());
  private readonly reading: Budget;
  /** Whether files are read. While they are not, points that are not known yet are "shed". */
  asksOn = true;

  /** Files that were tried: "script OUTCOME" and "map OUTCOME". */
  readonly outcomes = new Map<string, number>();
  /** Points that were asked for and found, and those that stay where they are, by reason. */
  placed = 0;
  readonly missing = new Map<PlaceMiss, number>(PLACE_MISSES.map((reason) => [reason, 0]));
  readBytes = 0;

  constructor(private readonly options: SourceMapsOptions) {
    this.known = new ByteLru(options.memoryBytes);
    this.reading = readBudget(options, performance.now());
  }

  /** Processes whose root is held open. */
  get processes(): number {
    return [...this.met.values()].filter(({ root }) => typeof root !== "string").length;
  }

  /** Memory of the places remembered. */
  get bytes(): number {
    return this.known.bytes;
  }

  resize(memoryBytes: number): void {
    this.known.resize(memoryBytes);
  }

  /** A process that may be asked of was met, and lives: its root is held, for when it has ended. */
  sight(process: ProcessKey): void {
    this.entryOf(process).lastWindow = this.met.window;
  }

  /**
   * Where points of a script come from; parallel to them, undefined where one stays as it is, which is counted under its reason. Whoever
   * asks has asked the policy whether anything may be read of that process. Never rejects.
   */
  async places({
    process,
    script,
    lines,
    columns,
    characters = -1,
  }: ScriptPoints): Promise<readonly (SourcePlace | undefined)[]> {
    const keys = Array.from(lines, (line, row) => pointKey(line, columns[row]));
    const key = `${process.pid} ${script}`;
    const before = this.known.get(key);
    const known =
      before?.startTimeNs === process.startTimeNs
        ? before
        : new KnownPlaces<PlaceMiss>(process.startTimeNs, 2 * key.length);
    const asked = new Set(keys.filter((point) => point !== undefined && !known.has(point)) as number[]);
    let miss = known.miss;
    if (miss === undefined && asked.size > 0) {
      miss = await this.ask({ process, script, characters }, known, Float64Array.from(asked).sort());
      if (miss !== undefined && !PASSING.has(miss)) known.miss = miss;
      this.known.set(key, known);
    }
    const places = keys.map((point) => (point === undefined ? undefined : known.get(point)));
    for (const [row, place] of places.entries()) {
      const point = keys[row];
      if (place !== undefined) this.placed++;
      else this.miss(miss === undefined || point === undefined || known.has(point) ? "not-mapped" : miss);
    }
    return places;
  }

  /** A window was written, or given up; `waiting`: how many still are to be. */
  windowWritten(waiting: number): void {
    this.met.windowWritten(waiting);
  }

  close(): void {
    this.met.close();
  }

  /** Has the worker look; why nothing was found. */
  private async ask(
    { process, script, characters }: Pick<Required<ScriptPoints>, "process" | "script" | "characters">,
    known: KnownPlaces<PlaceMiss>,
    points: Float64Array,
  ): Promise<PlaceMiss | undefined> {
    const path = scriptPath(script);
    if (path === undefined) return "no-file";
    if (!this.asksOn) return "shed";
    const maxBytes = this.reading.left(performance.now());
    if (maxBytes === 0) return "over-budget";
    const entry = this.entryOf(process);
    const { root } = entry;
    if (typeof root === "string") return root;
    entry.readers++;
    try {
      const places = Array.from(points, pointOf);
      const answer = await this.options
        .answer({
          ...{ process, rootFd: root.fd, uid: root.uid, path, characters, maxBytes },
          lines: Uint32Array.from(places, ({ line }) => line),
          columns: Uint32Array.from(places, ({ column }) => column),
        })
        .catch(() => undefined);
      if (answer === undefined) return "worker-failed";
      this.count(answer);
      if (answer.miss === undefined) known.add(Array.from(points), answer);
      return answer.miss;
    } finally {
      entry.readers--;
      if (entry.isLetGo) closeRoot(entry);
    }
  }

  private entryOf(key: ProcessKey): Entry {
    const before = this.met.find(key);
    if (before !== undefined && before.root !== "over-budget") return before;
    this.met.letGo(key.pid);
    const root = this.looks.take(performance.now()) ? openProcessRoot(key) : "over-budget";
    const entry: Entry = { key, root, lastWindow: 0, readers: 0, isLetGo: false };
    this.met.put(entry);
    return entry;
  }

  private count({ outcomes, readBytes }: SourceMapAnswer): void {
    for (const outcome of outcomes) this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.readBytes += readBytes;
    this.reading.spend(readBytes);
  }

  private miss(reason: PlaceMiss): void {
    this.missing.set(reason, (this.missing.get(reason) ?? 0) + 1);
  }
}

/** A descriptor that is closed while somebody looks into it may soon be another folder's. */
function closeRoot({ root, readers }: Entry): void {
  if (readers === 0 && typeof root !== "string") closeSync(root.fd);
}

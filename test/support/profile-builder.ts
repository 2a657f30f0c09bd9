import type { CgroupId } from "#src/model/cgroup.js";
import type {
  CodeKind,
  Profile,
  ProfileFunction,
  ProfileLine,
  ProfileLocation,
  ProfileMapping,
  ProfileThread,
} from "#src/model/profile.js";

export interface ProfileBuilderOptions {
  /** 2026-01-02T03:04:05Z unless told. */
  readonly timeNs?: bigint;
  readonly durationNs?: bigint;
  readonly periodNs?: number;
}

/** Whose samples they are. */
export interface ThreadOptions {
  readonly pid?: number;
  readonly tid?: number;
  /** 1 unless told. */
  readonly cgroup?: bigint;
  /** Ticks that each sample stands for; 1 unless told. */
  readonly weight?: number;
}

const KERNEL_TEXT = 0xffffffff81000000;
const KIND_OF_SUFFIX: Readonly<Record<string, CodeKind>> = { k: "kernel", i: "interpreter", j: "jit" };

/**
 * Makes a profile by hand. A stack is written as folded text, root first: `nginx;main;work`. A frame is
 * `function[@file][_[k|i|j]]`: the file it lies in (the command's own unless told), and its kind (native unless told).
 * Functions inlined into a frame follow it after ` > `: `main > inlined > inner`.
 */
export class ProfileBuilder {
  readonly #options: ProfileBuilderOptions;
  readonly #mappings = new Interner<ProfileMapping>();
  readonly #functions = new Interner<ProfileFunction>();
  readonly #locations = new Interner<ProfileLocation>();
  readonly #threads = new Interner<ProfileThread>();
  readonly #stacks = new Interner<readonly number[]>();
  readonly #counts = new Map<string, { stack: number; thread: number; count: number; ticks: number }>();
  readonly #pids = new Map<string, number>();
  readonly #placed: number[] = [];

  constructor(options: ProfileBuilderOptions = {}) {
    this.#options = options;
  }

  /** A profile from lines `comm;root;…;leaf count`. */
  static parse(text: string, options: ProfileBuilderOptions = {}): Profile {
    return ProfileBuilder.read(text, options).build();
  }

  /** A builder that holds what such lines say, for more to be added. */
  static read(text: string, options: ProfileBuilderOptions = {}): ProfileBuilder {
    const builder = new ProfileBuilder(options);
    for (const line of text.split("\n")) {
      const match = /^\s*(\S.*) (\d+)$/.exec(line);
      if (match) builder.add(match[1], Number(match[2]));
    }
    return builder;
  }

  /** Adds samples of one stack; the thread is the command's main thread unless told. */
  add(folded: string, count: number, thread: ThreadOptions = {}): this {
    const [comm = "", ...frames] = folded.split(";");
    return this.addFrames(
      comm,
      frames.map((frame) => this.#location(frame, comm)),
      count,
      thread,
    );
  }

  /** The same for locations made by {@link location}, root first. */
  addFrames(comm: string, rootFirst: readonly number[], count: number, thread: ThreadOptions = {}): this {
    const pid = thread.pid ?? this.#pidOf(comm);
    const tid = thread.tid ?? pid;
    const cgroup = (thread.cgroup ?? 1n) as CgroupId;
    const ticks = count * (thread.weight ?? 1);
    const threadIndex = this.#threads.add(`${pid} ${tid} ${cgroup} ${comm}`, () => {
      return { pid, tid, comm, startTimeNs: BigInt(pid) * 1_000_000_000n, cgroup };
    });
    const leafFirst = rootFirst.toReversed();
    const stack = this.#stacks.add(leafFirst.join(" "), () => leafFirst);
    const key = `${stack} ${threadIndex}`;
    const row = this.#counts.get(key);
    if (row) {
      row.count += count;
      row.ticks += ticks;
    } else {
      this.#counts.set(key, { stack, thread: threadIndex, count, ticks });
    }
    return this;
  }

  /** A location of its own: one that no other call has made, even with the same names. */
  location(names: readonly string[], file: string, kind: CodeKind, line = 0): number {
    const mappingIndex = this.#mapping(file, kind);
    const address = this.#place(mappingIndex, kind);
    const lines: ProfileLine[] = names.map((name) => ({ functionIndex: this.#function(name), line }));
    return this.#locations.add(`#${this.#locations.rows.length}`, () => ({ mappingIndex, address, kind, lines }));
  }

  build(): Profile {
    const stacks = this.#stacks.rows;
    const offsets = new Uint32Array(stacks.length + 1);
    for (const [index, stack] of stacks.entries()) offsets[index + 1] = offsets[index] + stack.length;
    const locations = new Uint32Array(offsets[stacks.length]);
    for (const [index, stack] of stacks.entries()) locations.set(stack, offsets[index]);
    const rows = [...this.#counts.values()];
    return {
      timeNs: this.#options.timeNs ?? BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1_000_000n,
      durationNs: this.#options.durationNs ?? 10_000_000_000n,
      periodNs: this.#options.periodNs ?? 10_000_000,
      mappings: this.#mappings.rows,
      functions: this.#functions.rows,
      locations: this.#locations.rows,
      stacks: { length: stacks.length, offsets, locations },
      threads: this.#threads.rows,
      samples: {
        length: rows.length,
        stack: Uint32Array.from(rows, (row) => row.stack),
        thread: Uint32Array.from(rows, (row) => row.thread),
        count: Uint32Array.from(rows, (row) => row.count),
        ticks: Uint32Array.from(rows, (row) => row.ticks),
      },
    };
  }

  #location(text: string, comm: string): number {
    const match = /^(.*?)(?:@([^@]*?))?(?:_\[([kij])\])?$/s.exec(text)!;
    const kind = KIND_OF_SUFFIX[match[3] ?? ""] ?? "native";
    const file = match[2] ?? DEFAULT_FILE[kind] ?? `/usr/bin/${comm}`;
    const names = match[1].split(" > ").toReversed();
    const mappingIndex = this.#mapping(file, kind);
    return this.#locations.add(`${kind} ${file} ${match[1]}`, () => {
      const lines = names.map((name) => ({ functionIndex: this.#function(name), line: 0 }));
      return { mappingIndex, address: this.#place(mappingIndex, kind), kind, lines };
    });
  }

  #mapping(fileName: string, kind: CodeKind): number {
    return this.#mappings.add(fileName, () => {
      const number = this.#placed.push(0);
      const start = kind === "kernel" ? KERNEL_TEXT : 0x1000;
      const buildId = fileName.startsWith("[") ? "" : number.toString(16).padStart(40, "0");
      return { start, limit: start + 0x1000, fileOffset: 0x1000, fileName, buildId, hasFunctions: true };
    });
  }

  /** The next free address of the mapping, whose limit may lie below it: encoders must bear that. */
  #place(mappingIndex: number, kind: CodeKind): number | bigint {
    const offset = (this.#placed[mappingIndex] += 16);
    const { start } = this.#mappings.rows[mappingIndex];
    return kind === "kernel" ? BigInt(start) + BigInt(offset) : start + offset;
  }

  #function(name: string): number {
    return this.#functions.add(name, () => ({ name, systemName: name, fileName: "", startLine: 0 }));
  }

  #pidOf(comm: string): number {
    const pid = this.#pids.get(comm) ?? 1000 + this.#pids.size;
    this.#pids.set(comm, pid);
    return pid;
  }
}

const DEFAULT_FILE: Readonly<Partial<Record<CodeKind, string>>> = { kernel: "[kernel.kallsyms]", jit: "[anon]" };

class Interner<T> {
  readonly rows: T[] = [];
  readonly #byKey = new Map<string, number>();

  add(key: string, make: () => T): number {
    let index = this.#byKey.get(key);
    if (index === undefined) {
      index = this.rows.push(make()) - 1;
      this.#byKey.set(key, index);
    }
    return index;
  }
}

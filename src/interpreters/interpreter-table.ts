import type { Executable } from "../executables/executable.js";
import type { InterpreterName } from "../model/interpreter.js";
import { interpreterLayout, limits } from "../native/abi.generated.js";
import type { Session } from "../native/addon.js";
import { u32Bytes } from "../util/u32-bytes.js";
import type { InterpreterFinding } from "./interpreter.js";

/** Why the frames of an interpreter's file stay native ones. */
export type InterpreterProblem =
  /** Its structures are not known: {@link InterpreterTable.details} says what it is. */
  | "unknown-layout"
  /** More interpreters' files than the kernel side has room for. */
  | "no-room"
  /** The kernel refused the entry. */
  | "refused";

/** Lines of {@link InterpreterTable.details}; a hostile container could make up versions without end. */
const MAX_DETAILS = 32;

/** What the kernel side knows of interpreters' files: a number each, which the executable's entry carries. */
export class InterpreterTable {
  /** Numbers that are free, the one that rested longest first: a walk under way may still read by one that was given back. */
  private readonly free = Array.from({ length: limits.maxInterpreters }, (_, key) => key + 1);
  /** Versions of those that have a number, by it. */
  private readonly versions = new Map<number, string>();
  private readonly excluded: ReadonlySet<InterpreterName>;
  /** By number. */
  private readonly nameLayouts = new Map<number, object>();
  /** Files found so far, by "NAME VERSION". */
  readonly found = new Map<string, number>();
  readonly problems = new Map<string, number>();
  /** What was said of files that cannot be walked, each once. */
  readonly details = new Set<string>();

  constructor(
    private readonly session: Pick<Session, "updateElement">,
    /** Languages whose frames nobody wants. */
    excluded: readonly InterpreterName[],
  ) {
    this.excluded = new Set(excluded);
  }

  /** A file was looked at: it is given its number, before the kernel side is told of its rows. Once an executable. */
  take(executable: Executable, finding: InterpreterFinding | undefined): void {
    if (finding === undefined || this.excluded.has(finding.name) || executable.interpreter !== undefined) return;
    if ("problem" in finding) {
      this.count(finding.name, "unknown-layout");
      if (this.details.size < MAX_DETAILS) this.details.add(finding.problem);
      return;
    }
    const number = this.free.shift();
    if (number === undefined) {
      this.count(finding.name, "no-room");
      return;
    }
    try {
      this.session.updateElement("interpreters", u32Bytes(number - 1), finding.bytes);
    } catch {
      this.free.push(number);
      this.count(finding.name, "refused");
      return;
    }
    const version = `${finding.name} ${finding.version}`;
    if (this.found.size < MAX_DETAILS || this.found.has(version)) {
      this.found.set(version, (this.found.get(version) ?? 0) + 1);
    }
    const kind = new DataView(finding.bytes.buffer, finding.bytes.byteOffset).getUint32(interpreterLayout.kind, true);
    executable.interpreter = { number, kind };
    this.versions.set(number, finding.version);
    if (finding.nameLayout !== undefined) this.nameLayouts.set(number, finding.nameLayout);
  }

  /** What its finding says of names; undefined where that is nothing, or the number nobody's. */
  nameLayout(number: number): object | undefined {
    return this.nameLayouts.get(number);
  }

  /** Version of the interpreter whose entry has that key in the kernel's map; of a key given back, until it is another's. */
  versionOf(key: number): string | undefined {
    return this.versions.get(key + 1);
  }

  /** An executable is known no more. */
  letGo(executable: Executable): void {
    if (executable.interpreter === undefined) return;
    this.nameLayouts.delete(executable.interpreter.number);
    this.free.push(executable.interpreter.number);
    executable.interpreter = undefined;
  }

  private count(name: InterpreterName, problem: InterpreterProblem): void {
    const key = `${name} ${problem}`;
    this.problems.set(key, (this.problems.get(key) ?? 0) + 1);
  }
}

import {
  branchOf,
  CALLS,
  CALLS_INDIRECTLY,
  JUMPS,
  JUMPS_INDIRECTLY,
  MAY_JUMP,
  RETURNS,
  STOPS,
  targetOf,
} from "./branches.js";
import type { CodeMap } from "./code-map.js";
import { type Imports, NEVER } from "./imports.js";
import { Instruction, RIP } from "./instruction.js";

/** A function that cannot return is short: it calls another one of the kind, or stops. */
const MAX_INSTRUCTIONS = 200;
const MAX_LEVELS = 4;

/** Which functions never return, as far as a short look at their code tells: abort, and what ends in it. */
export class Returning {
  readonly #code: CodeMap;
  readonly #imports: Imports;
  readonly #answers = new Map<number, boolean>();

  constructor(code: CodeMap, imports: Imports) {
    this.#code = code;
    this.#imports = imports;
  }

  /** The same of a call or jump through memory; `next` is the address after it. */
  returnsIndirectly({ base, index, displacement }: Instruction, next: number, level = 0): boolean {
    return base !== RIP || index >= 0 || this.#targetReturns(this.#imports.ofSlot(next + displacement), level);
  }

  #targetReturns(target: number | typeof NEVER | undefined, level: number): boolean {
    return target === undefined || (target !== NEVER && this.returns(target, level + 1));
  }

  /** False where no path leads to a return. Where in doubt, true. */
  returns(address: number, level = 0): boolean {
    const known = this.#answers.get(address);
    if (known !== undefined) return known;
    if (level === MAX_LEVELS) return true;
    // What calls itself is taken to return meanwhile.
    this.#answers.set(address, true);
    const answer = this.#look(address, level);
    this.#answers.set(address, answer);
    return answer;
  }

  #look(start: number, level: number): boolean {
    const instruction = new Instruction();
    const seen = new Set<number>();
    const waiting = [start];
    for (let address = waiting.pop(); address !== undefined; address = waiting.pop()) {
      while (!seen.has(address)) {
        if (seen.add(address).size > MAX_INSTRUCTIONS) return true;
        const region = this.#code.find(address);
        if (region === undefined) {
          // A stub that is described: only where it leads to is of interest.
          if (this.#targetReturns(this.#imports.ofStub(address), level)) return true;
          break;
        }
        const { bytes, start: base } = region;
        if (!instruction.decode(bytes, address - base, bytes.length)) return true;
        const next: number = address + instruction.length;
        const branch = branchOf(instruction);
        if (branch === STOPS) break;
        if (branch === RETURNS) return true;
        const isOut = branch === JUMPS_INDIRECTLY || branch === CALLS_INDIRECTLY;
        if (isOut && !this.returnsIndirectly(instruction, next, level)) break;
        if (branch === JUMPS_INDIRECTLY) return true;
        if (branch === CALLS && !this.returns(targetOf(instruction, next), level + 1)) break;
        if (branch === MAY_JUMP) waiting.push(targetOf(instruction, next));
        address = branch === JUMPS ? targetOf(instruction, next) : next;
      }
    }
    return false;
  }
}

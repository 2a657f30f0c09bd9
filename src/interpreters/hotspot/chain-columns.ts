import type { BoundNames } from "../../naming/bound-frames.js";
import type { NamedFunction } from "../../symbols/resolver.js";
import type { Chain } from "./chain.js";
import type { MethodName } from "./method-reader.js";

/** Puts chains into columns, each distinct one once. */
export class ChainColumns {
  private readonly functions: NamedFunction[] = [];
  private readonly functionRows = new Map<MethodName, number>();
  private readonly chainRows = new Map<string, number>();
  private readonly offsets: number[] = [0];
  private readonly chainFunctions: number[] = [];
  private readonly lines: number[] = [];

  /** Its index. */
  row(chain: Chain): number {
    const rows = chain.map(({ method }) => this.functionRow(method));
    const key = chain.map(({ line }, at) => `${rows[at]}:${line}`).join(" ");
    let row = this.chainRows.get(key);
    if (row === undefined) {
      this.chainRows.set(key, (row = this.offsets.length - 1));
      this.chainFunctions.push(...rows);
      this.lines.push(...chain.map(({ line }) => line));
      this.offsets.push(this.lines.length);
    }
    return row;
  }

  answer(chainIndices: Int32Array): Pick<BoundNames, "chainIndices" | "chains" | "functions"> {
    const { functions, offsets, chainFunctions, lines } = this;
    const chains = {
      offsets: Uint32Array.from(offsets),
      functions: Uint32Array.from(chainFunctions),
      lines: Uint32Array.from(lines),
    };
    return { chainIndices, chains, functions };
  }

  private functionRow(method: MethodName): number {
    let row = this.functionRows.get(method);
    if (row === undefined) {
      const { name, fileName, startLine } = method;
      this.functionRows.set(method, (row = this.functions.push({ name, systemName: name, fileName, startLine }) - 1));
    }
    return row;
  }
}

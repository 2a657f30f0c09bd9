import type { ProcessKey } from "../model/process-key.js";
import { sampleLayout } from "../native/abi.generated.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";
import { u64Of } from "../util/u64.js";

const WORD_BYTES = 4;
/** pid, start time (low, high). */
const ROW_WORDS = 3;
const PID = sampleLayout.pid / WORD_BYTES;
const START_TIME = sampleLayout.startTimeNs / WORD_BYTES;

/** Distinct processes of one window that have frames which mean something in them only. */
export class OwnerTable {
  private readonly rows = new Uint32Column(64);
  private readonly index = new HashIndex(64);
  private readonly sought = new Uint32Array(ROW_WORDS);

  get length(): number {
    return this.rows.length / ROW_WORDS;
  }

  get bytes(): number {
    return this.rows.bytes + this.index.bytes;
  }

  /** The row of the process that a struct abi_sample at words[header] was taken of. */
  intern(words: Uint32Array, header: number): number {
    const { sought } = this;
    sought[0] = words[header + PID];
    sought[1] = words[header + START_TIME];
    sought[2] = words[header + START_TIME + 1];
    const hash = hashWord(hashWord(hashWord(0, sought[0]), sought[1]), sought[2]);
    let row = this.index.find(hash, this.equalsSought);
    if (row < 0) {
      row = this.index.add(hash);
      this.rows.append(sought, 0, ROW_WORDS);
    }
    return row;
  }

  at(row: number): ProcessKey {
    const { values } = this.rows;
    const from = row * ROW_WORDS;
    return { pid: values[from], startTimeNs: u64Of(values[from + 1], values[from + 2]) };
  }

  private readonly equalsSought = (row: number): boolean => {
    const { values } = this.rows;
    const { sought } = this;
    const at = row * ROW_WORDS;
    return values[at] === sought[0] && values[at + 1] === sought[1] && values[at + 2] === sought[2];
  };
}

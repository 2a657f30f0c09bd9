import type { ThreadId } from "../model/brand.js";
import type { ProfileThread } from "../model/profile.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";

/** Bytes of a comm, its NUL included: TASK_COMM_LEN. */
const COMM_WORDS = 4;
/** pid, start time (low, high), tid, comm. */
const ROW_WORDS = 4 + COMM_WORDS;

/**
 * Distinct threads of one window: (process key, tid, comm). A thread that renames itself, or execs, is another row;
 * so is a new process under a reused pid.
 */
export class ThreadTable {
  private readonly rows = new Uint32Column(1024);
  private readonly index = new HashIndex(256);
  private readonly sought = new Uint32Array(ROW_WORDS);

  get length(): number {
    return this.rows.length / ROW_WORDS;
  }

  get bytes(): number {
    return this.rows.bytes + this.index.bytes;
  }

  /** words[header] begins a struct abi_sample: the row is taken from it without decoding a string. */
  intern(pid: number, tid: number, words: Uint32Array, startTime: number, comm: number): ThreadId {
    const { sought } = this;
    sought[0] = pid;
    sought[1] = words[startTime];
    sought[2] = words[startTime + 1];
    sought[3] = tid;
    for (let i = 0; i < COMM_WORDS; i++) {
      sought[4 + i] = words[comm + i];
    }
    let hash = 0;
    for (let i = 0; i < ROW_WORDS; i++) {
      hash = hashWord(hash, sought[i]);
    }
    let row = this.index.find(hash, this.equalsSought);
    if (row < 0) {
      row = this.index.add(hash);
      this.rows.append(sought, 0, ROW_WORDS);
    }
    return row as ThreadId;
  }

  /** All rows, decoded. */
  threads(): ProfileThread[] {
    const threads: ProfileThread[] = [];
    const { values } = this.rows;
    for (let at = 0; at < this.rows.length; at += ROW_WORDS) {
      threads.push({ pid: values[at], tid: values[at + 3], comm: decodeComm(values, at + 4) });
    }
    return threads;
  }

  private readonly equalsSought = (row: number): boolean => {
    const { values } = this.rows;
    const at = row * ROW_WORDS;
    for (let i = 0; i < ROW_WORDS; i++) {
      if (values[at + i] !== this.sought[i]) {
        return false;
      }
    }
    return true;
  };
}

/** A comm may hold any bytes; what is not UTF-8 is shown as U+FFFD. */
function decodeComm(words: Uint32Array, start: number): string {
  const bytes = Buffer.from(words.buffer, words.byteOffset + start * 4, COMM_WORDS * 4);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

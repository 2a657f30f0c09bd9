import type { ThreadId } from "../model/brand.js";
import type { CgroupId } from "../model/cgroup.js";
import type { ProfileThread } from "../model/profile.js";
import { sampleLayout } from "../native/abi.generated.js";
import { Uint32Column } from "../util/column.js";
import { HashIndex, hashWord } from "../util/hash-index.js";
import { u64Of } from "../util/u64.js";

const WORD_BYTES = 4;
/** Bytes of a comm, its NUL included: TASK_COMM_LEN. */
const COMM_WORDS = 4;
/** pid, tid, start time (low, high), cgroup (low, high), comm. */
const ROW_WORDS = 6 + COMM_WORDS;
const PID = sampleLayout.pid / WORD_BYTES;
const TID = sampleLayout.tid / WORD_BYTES;
const START_TIME = sampleLayout.startTimeNs / WORD_BYTES;
const CGROUP = sampleLayout.cgroupId / WORD_BYTES;
const COMM = sampleLayout.comm / WORD_BYTES;

/**
 * Distinct threads of one window: (process key, tid, cgroup, comm). A thread that renames itself, execs, or is moved to
 * another cgroup is another row; so is a new process under a reused pid.
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
  intern(words: Uint32Array, header: number): ThreadId {
    const { sought } = this;
    sought[0] = words[header + PID];
    sought[1] = words[header + TID];
    sought[2] = words[header + START_TIME];
    sought[3] = words[header + START_TIME + 1];
    sought[4] = words[header + CGROUP];
    sought[5] = words[header + CGROUP + 1];
    for (let i = 0; i < COMM_WORDS; i++) {
      sought[6 + i] = words[header + COMM + i];
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
      threads.push({
        pid: values[at],
        tid: values[at + 1],
        comm: decodeComm(values, at + 6),
        startTimeNs: u64Of(values[at + 2], values[at + 3]),
        cgroup: u64Of(values[at + 4], values[at + 5]) as CgroupId,
      });
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

/** The thread that a struct abi_sample at words[header] was taken of. */
export function readThread(words: Uint32Array, header: number): ProfileThread {
  return {
    pid: words[header + PID],
    tid: words[header + TID],
    comm: decodeComm(words, header + COMM),
    startTimeNs: u64Of(words[header + START_TIME], words[header + START_TIME + 1]),
    cgroup: u64Of(words[header + CGROUP], words[header + CGROUP + 1]) as CgroupId,
  };
}

/** Ticks that the sample whose header begins at words[header] stands for. */
export function weightOf(words: Uint32Array, header = 0): number {
  return (words[header + (sampleLayout.weight >> 2)] >>> ((sampleLayout.weight & 3) * 8)) & 0xff;
}

/** A comm may hold any bytes; what is not UTF-8 is shown as U+FFFD. */
function decodeComm(words: Uint32Array, start: number): string {
  const bytes = Buffer.from(words.buffer, words.byteOffset + start * WORD_BYTES, COMM_WORDS * WORD_BYTES);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

import {
  equalRules,
  FRAME_POINTER_RULE,
  hashRule,
  MAX_RULES,
  packRule,
  RULE_BYTES,
  RULE_FIRST_FREE,
  RULE_FRAME_POINTER,
  RULE_UNSUPPORTED,
  RULE_WORDS,
} from "./rule.js";

const SLOTS = 4096;
const NONE = 0;

/**
 * The node's rules: each distinct struct abi_rule has one number, whichever files use it, and lies at that index of the
 * array that BPF reads. Counted by file, so that the numbers of evicted files come free.
 *
 * A number is reused as late as possible: BPF may be in the middle of a stack with a table that has just been taken
 * out of its slot, and reads the old number a few microseconds longer.
 */
export class RuleTable {
  readonly #words: Uint32Array;
  /** Files that use the number. */
  readonly #references = new Uint32Array(MAX_RULES);
  /** Chains of equal hash: first number of a slot, next number of a number. */
  readonly #heads = new Uint16Array(SLOTS);
  readonly #next = new Uint16Array(MAX_RULES);
  /** Numbers come free at the tail of this ring and are taken from its head, after all that were never used. */
  readonly #free = new Uint16Array(MAX_RULES);
  #freeHead = 0;
  #freeCount = 0;
  #unused = RULE_FIRST_FREE;
  #overflows = 0;

  /** `memory`: at least 16 * ABI_MAX_RULES bytes, 4-byte aligned; the mapped array, or any bytes in a test. */
  constructor(memory: Uint8Array) {
    this.#words = new Uint32Array(memory.buffer, memory.byteOffset, MAX_RULES * RULE_WORDS);
    packRule(FRAME_POINTER_RULE, this.#words, RULE_FRAME_POINTER * RULE_WORDS);
  }

  /** Distinct rules in use. */
  get size(): number {
    return this.#unused - RULE_FIRST_FREE - this.#freeCount;
  }

  /** Rules that found no room and were taken as unsupported. */
  get overflows(): number {
    return this.#overflows;
  }

  /**
   * The number of each of a file's rules (packed, distinct). The caller keeps the answer and gives it to
   * {@link RuleTable.release} when the file's table is gone. Rules over the limit are ABI_RULE_UNSUPPORTED, counted.
   */
  acquire(rules: Uint8Array): Uint16Array {
    // A copy: the bytes may begin anywhere, words may not.
    const words = new Uint32Array(Uint8Array.from(rules).buffer, 0, Math.floor(rules.length / RULE_BYTES) * RULE_WORDS);
    const numbers = new Uint16Array(words.length / RULE_WORDS);
    for (let i = 0; i < numbers.length; i++) numbers[i] = this.#acquireOne(words, i * RULE_WORDS);
    return numbers;
  }

  /** Takes back what {@link RuleTable.acquire} gave; once. */
  release(numbers: Uint16Array): void {
    for (const number of numbers) {
      if (number < RULE_FIRST_FREE || --this.#references[number] > 0) continue;
      this.#unlink(number);
      this.#free[(this.#freeHead + this.#freeCount++) % MAX_RULES] = number;
    }
  }

  #acquireOne(words: Uint32Array, index: number): number {
    const slot = hashRule(words, index) % SLOTS;
    for (let number = this.#heads[slot]; number !== NONE; number = this.#next[number]) {
      if (!equalRules(words, index, this.#words, number * RULE_WORDS)) continue;
      this.#references[number]++;
      return number;
    }
    const number = this.#allot();
    if (number === RULE_UNSUPPORTED) {
      this.#overflows++;
      return number;
    }
    this.#words.set(words.subarray(index, index + RULE_WORDS), number * RULE_WORDS);
    this.#references[number] = 1;
    this.#next[number] = this.#heads[slot];
    this.#heads[slot] = number;
    return number;
  }

  #allot(): number {
    if (this.#unused < MAX_RULES) return this.#unused++;
    if (this.#freeCount === 0) return RULE_UNSUPPORTED;
    const number = this.#free[this.#freeHead];
    this.#freeHead = (this.#freeHead + 1) % MAX_RULES;
    this.#freeCount--;
    return number;
  }

  #unlink(number: number): void {
    const slot = hashRule(this.#words, number * RULE_WORDS) % SLOTS;
    if (this.#heads[slot] === number) {
      this.#heads[slot] = this.#next[number];
      return;
    }
    let before = this.#heads[slot];
    while (this.#next[before] !== number) before = this.#next[before];
    this.#next[before] = this.#next[number];
  }
}

import {
  equalRules,
  emptyRule,
  hashRule,
  packRule,
  RULE_FIRST_FREE,
  RULE_WORDS,
  type UnwindRule,
  unpackRule,
} from "./rule.js";

/** Rule indices are 16 bits; the first few are fixed. No file comes near: a large one has three thousand rules. */
const MAX_RULES_OF_FILE = 0xffff - RULE_FIRST_FREE;

/** The distinct rules of one file, numbered from 0 in the order they came. */
export class RuleSet {
  /** Open addressing: the index of a rule + 1, 0 for an empty slot. At least twice as many as rules. */
  #slots = new Uint16Array(1024);
  readonly #packed = new Uint32Array(RULE_WORDS);
  #words = new Uint32Array(RULE_WORDS * 256);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The rules, packed; of those whose index is given, in that order. */
  pack(indices: readonly number[]): Uint8Array {
    const words = new Uint32Array(indices.length * RULE_WORDS);
    indices.forEach((index, position) => {
      words.set(this.#words.subarray(index * RULE_WORDS, (index + 1) * RULE_WORDS), position * RULE_WORDS);
    });
    return new Uint8Array(words.buffer);
  }

  get(index: number): UnwindRule {
    return unpackRule(this.#words, index * RULE_WORDS, emptyRule());
  }

  /** The index of a rule, whose offsets fit their fields; -1 when there is no room for another. */
  add(rule: Readonly<UnwindRule>): number {
    const packed = this.#packed;
    packRule(rule, packed, 0);
    let slot = hashRule(packed, 0) % this.#slots.length;
    for (let index = this.#slots[slot]; index !== 0; index = this.#slots[slot]) {
      if (equalRules(packed, 0, this.#words, (index - 1) * RULE_WORDS)) return index - 1;
      slot = (slot + 1) % this.#slots.length;
    }
    if (this.#size === MAX_RULES_OF_FILE) return -1;
    const index = this.#size++;
    if (index * RULE_WORDS === this.#words.length) {
      const words = new Uint32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    this.#words.set(packed, index * RULE_WORDS);
    this.#slots[slot] = this.#size;
    if (this.#size * 2 > this.#slots.length) this.#growSlots();
    return index;
  }

  #growSlots(): void {
    const slots = new Uint16Array(this.#slots.length * 2);
    for (let index = 0; index < this.#size; index++) {
      let slot = hashRule(this.#words, index * RULE_WORDS) % slots.length;
      while (slots[slot] !== 0) slot = (slot + 1) % slots.length;
      slots[slot] = index + 1;
    }
    this.#slots = slots;
  }
}

/** A function's name, readable and as the symbol table has it. */
export interface KnownName {
  readonly name: string;
  readonly systemName: string;
}

/** An object of two fields and a slot in an array; each string's header. */
const NAME_BYTES = 40;
const STRING_BYTES = 16;

/** Names by number, each once within what is learnt together; numbers stay while others are added. */
export class KnownNames {
  readonly list: KnownName[] = [];
  bytes = 0;

  /** Adds names, and gives the number of each. Equal ones of the same call get one number. */
  add(names: readonly KnownName[]): Int32Array {
    const numbers = new Map<string, number>();
    return Int32Array.from(names, ({ name, systemName }) => {
      let number = numbers.get(systemName);
      if (number === undefined) {
        // Two equal strings that came from another thread are two strings.
        const known = name === systemName ? { name, systemName: name } : { name, systemName };
        number = this.list.push(known) - 1;
        numbers.set(systemName, number);
        this.bytes += NAME_BYTES + STRING_BYTES + name.length;
        this.bytes += name === systemName ? 0 : STRING_BYTES + systemName.length;
      }
      return number;
    });
  }
}

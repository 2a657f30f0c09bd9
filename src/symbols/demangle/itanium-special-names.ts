import type { Cursor } from "./itanium-cursor.js";
import { readArgument } from "./itanium-expressions.js";
import { readEncoding, readName } from "./itanium-names.js";
import type { Node } from "./itanium-node.js";
import { readType } from "./itanium-types.js";
import { failure } from "./limits.js";

const SPECIAL_PREFIXES: Readonly<Record<string, string>> = {
  TV: "vtable for ",
  TT: "VTT for ",
  TI: "typeinfo for ",
  TS: "typeinfo name for ",
  TF: "typeinfo fn for ",
  TJ: "java Class for ",
};

/** `<special-name>`: thunks, virtual tables, guards. */
export function readSpecialName(cursor: Cursor): Node {
  const code = cursor.next() + cursor.next();
  const special = (prefix: string, target: Node): Node => ({ kind: "special", prefix, target });
  const typePrefix = SPECIAL_PREFIXES[code];
  if (typePrefix !== undefined) return special(typePrefix, readType(cursor));
  switch (code) {
    case "Th":
      skipCallOffset(cursor, "h");
      return special("non-virtual thunk to ", readEncoding(cursor));
    case "Tv":
      skipCallOffset(cursor, "v");
      return special("virtual thunk to ", readEncoding(cursor));
    case "Tc":
      skipCallOffset(cursor, cursor.next());
      skipCallOffset(cursor, cursor.next());
      return special("covariant return thunk to ", readEncoding(cursor));
    case "TC": {
      const whole = readType(cursor);
      cursor.number();
      cursor.expect("_");
      return { kind: "construction-vtable", base: readType(cursor), whole };
    }
    case "TH":
      return special("TLS init function for ", readPlainName(cursor));
    case "TW":
      return special("TLS wrapper function for ", readPlainName(cursor));
    case "TA":
      return special("template parameter object for ", readArgument(cursor));
    case "GV":
      return special("guard variable for ", readPlainName(cursor));
    case "GR": {
      const target = readPlainName(cursor);
      const number = cursor.atEnd ? 0 : cursor.sequence();
      return special(`reference temporary #${number} for `, target);
    }
    case "GA":
      return special("hidden alias for ", readEncoding(cursor));
    case "GT":
      return special(
        cursor.next() === "n" ? "non-transaction clone for " : "transaction clone for ",
        readEncoding(cursor),
      );
    default:
      throw failure;
  }
}

function readPlainName(cursor: Cursor): Node {
  return readName(cursor, { qualifiers: "" });
}

/** How far a thunk moves `this`: of no use to a reader. */
function skipCallOffset(cursor: Cursor, kind: string): void {
  if (kind !== "h" && kind !== "v") throw failure;
  for (let numbers = kind === "h" ? 1 : 2; numbers > 0; numbers--) {
    cursor.accept("n");
    cursor.number();
    cursor.expect("_");
  }
}

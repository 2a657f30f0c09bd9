import { Cursor } from "./itanium-cursor.js";
import { readEncoding } from "./itanium-names.js";
import type { Node } from "./itanium-node.js";
import { Printer } from "./itanium-printer.js";
import { DemangleFailure } from "./limits.js";

/**
 * The readable form of a C++ name (Itanium C++ ABI, section 5.1; written as GNU c++filt writes it), or undefined when it
 * is not one. Suffixes of compilers are kept: `f(int) [clone .constprop.0]`.
 */
export function demangleItanium(mangled: string): string | undefined {
  if (!mangled.startsWith("_Z")) return undefined;
  try {
    const cursor = new Cursor(mangled);
    cursor.position = 2;
    let node: Node = readEncoding(cursor);
    // ".isra.0", ".part.1", ".llvm.123", ".cold": letters, then numbers.
    for (const [suffix] of mangled.slice(cursor.position).matchAll(/\.[a-z0-9_]+(?:\.\d+)*/gy)) {
      cursor.position += suffix.length;
      node = { kind: "suffixed", inner: node, suffix: ` [clone ${suffix}]` };
    }
    if (!cursor.atEnd) return undefined;
    const printer = new Printer();
    printer.print(node);
    return printer.text;
  } catch (error) {
    if (error instanceof DemangleFailure) return undefined;
    throw error;
  }
}

import { printable } from "../../util/printable.js";

/** What the virtual machine adds to the name of a hidden class: its address. */
const HIDDEN = /[+/]0x[0-9a-f]+$/;
/** Up to 20 the classes of lambdas are counted: the same program names them otherwise each time that it runs. */
const LAMBDA = /\$\$Lambda(?:\$\d+)?$/;

/** "java/util/HashMap" as people write it; a lambda's class without what differs from run to run. */
export function spellClass(internal: string): string {
  const name = internal.replace(HIDDEN, "").replace(LAMBDA, "$$$$Lambda");
  return printable(name.replaceAll("/", "."));
}

/** Class and method, without what it takes. */
export function spellMethod(className: string, method: string): string {
  return printable(`${className}.${method}`);
}

/** Code that belongs to no method: "[StubRoutines (1)]", "[Interpreter]". */
export function spellStub(name: string): string {
  return `[${printable(name)}]`;
}

/**
 * Text in the Java Virtual Machine's form of UTF-8 (JVMS 4.4.7): NUL and what lies beyond 16 bits are spelled otherwise, which
 * nobody sees in a name.
 */
export function decodeSymbol(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

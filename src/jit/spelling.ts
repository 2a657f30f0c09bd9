import type { NamedFunction } from "../symbols/resolver.js";
import { printable } from "../util/printable.js";

/** Of a name, what is shown. */
const MAX_CHARACTERS = 512;

/** Kinds of V8's code in front of a JavaScript function's name; after it "~" interpreted, "^" "+" compiled, "*" optimised. */
const V8_FUNCTION = new Set(["JS", "LazyCompile", "Function", "InterpretedFunction", "Script", "Eval"]);
/** Kinds whose name has no place. */
const V8_OTHER = new Set(["Builtin", "BytecodeHandler", "RegExp", "Stub", "Handler", "Wasm"]);
const V8_TIERS = "~^+*";
/** What a place begins with, as a rule. */
const PLACES = [" /", " file://", " node:"];
const JVM_PRIMITIVE: Readonly<Record<string, string>> = {
  ...{ B: "byte", C: "char", D: "double", F: "float", I: "int", J: "long", S: "short", V: "void", Z: "boolean" },
};
/** .NET ends a name with how the code was compiled. */
const DOTNET_TIERS = [
  ...[
    "[PreJIT]",
    "[MinOptJitted]",
    "[Optimized]",
    "[OptimizedTier1]",
    "[OptimizedTier1OSR]",
    "[OptimizedTier1Instrumented]",
  ],
  ...["[Tier0]", "[InstrumentedTier0]", "[InstrumentedTier1]", "[QuickJitted]", "[ReJIT]", "[Unknown]"],
];

/** Whether V8 wrote it, of a JavaScript function. */
export function isOfV8(name: string): boolean {
  const colon = name.indexOf(":");
  return colon > 0 && V8_FUNCTION.has(name.slice(0, colon));
}

/**
 * The function that a just-in-time compiler means by a name, as each spells it in perf maps and jitdumps: "JS:*foo /app/x.js:10:5",
 * "Lcom/foo/Bar;::run", "py::foo:/app/x.py". What nobody knows the spelling of stays as it is.
 */
export function spellFunction(text: string): NamedFunction {
  const systemName = printable(text.slice(0, MAX_CHARACTERS)).trim();
  const spelled =
    ofV8(systemName) ?? ofPython(systemName) ?? ofJvm(systemName) ?? ofDotnet(systemName) ?? ofJdk(systemName);
  return { name: systemName, fileName: "", startLine: 0, ...spelled, systemName };
}

type Spelled = Partial<Omit<NamedFunction, "systemName">> | undefined;

function ofV8(text: string): Spelled {
  const colon = text.indexOf(":");
  const kind = text.slice(0, Math.max(colon, 0));
  if (V8_OTHER.has(kind)) return { name: text.slice(colon + 1) || text };
  if (!V8_FUNCTION.has(kind)) return undefined;
  const from = V8_TIERS.includes(text.charAt(colon + 1)) && text.length > colon + 1 ? colon + 2 : colon + 1;
  const rest = text.slice(from);
  const space = placeAt(rest);
  if (space < 0) return { name: rest === "" ? "(anonymous)" : rest };
  const name = rest.slice(0, space);
  const { fileName, startLine } = placeOf(rest.slice(space + 1).trim());
  return {
    name: name === "" ? (kind === "Eval" || kind === "Script" ? "(module)" : "(anonymous)") : name,
    fileName,
    startLine,
  };
}

/** Where the space before a place is, -1 for none: a function's name may have spaces in it ("get size"), and so may a path. */
function placeAt(text: string): number {
  const found = PLACES.map((beginning) => text.indexOf(beginning)).filter((at) => at >= 0);
  return found.length > 0 ? Math.min(...found) : text.lastIndexOf(" ");
}

/** "file:///app/x.mjs:10:5" → /app/x.mjs, 10. */
function placeOf(text: string): { readonly fileName: string; readonly startLine: number } {
  const column = text.lastIndexOf(":");
  const line = column > 0 ? text.lastIndexOf(":", column - 1) : -1;
  if (line <= 0 || !isNumber(text.slice(line + 1, column)) || !isNumber(text.slice(column + 1))) {
    return { fileName: pathOf(text), startLine: 0 };
  }
  return { fileName: pathOf(text.slice(0, line)), startLine: Number(text.slice(line + 1, column)) };
}

function pathOf(text: string): string {
  return text.startsWith("file:///") ? text.slice("file://".length) : text;
}

function isNumber(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}

/** CPython: "py::NAME:FILE"; a name may have colons in it only as "<locals>" has dots, a file may. */
function ofPython(text: string): Spelled {
  if (!text.startsWith("py::")) return undefined;
  const colon = text.indexOf(":", 4);
  if (colon < 0) return { name: text.slice(4) || text };
  return { name: text.slice(4, colon) || text, fileName: text.slice(colon + 1) };
}

/** perf-map-agent: "Lcom/foo/Bar;::run", with "(Ljava/lang/String;I)V" behind it if it was asked for. */
function ofJvm(text: string): Spelled {
  const end = text.indexOf(";::");
  if (!text.startsWith("L") || end < 0 || text.includes(" ")) return undefined;
  const method = text.slice(end + 3);
  const open = method.indexOf("(");
  const name = open < 0 ? method : method.slice(0, open);
  const signature = open < 0 ? "" : jvmArguments(method.slice(open));
  return { name: `${dotted(text.slice(1, end))}.${name}${signature}` };
}

/** HotSpot itself: "int com.foo.Bar.run(int, long)", whose type a function is not told by. */
function ofJdk(text: string): Spelled {
  const open = text.indexOf("(");
  const space = text.indexOf(" ");
  const name = text.slice(space + 1);
  const isMethod = space > 0 && open > space && text.endsWith(")") && name.lastIndexOf(".", open - space) > 0;
  return isMethod && !name.slice(0, open - space - 1).includes(" ") && !text.includes("::") ? { name } : undefined;
}

/** "(Ljava/lang/String;[I)V" → "(java.lang.String, int[])"; what is none stays. */
function jvmArguments(descriptor: string): string {
  const types: string[] = [];
  let at = 1;
  while (at < descriptor.length && descriptor[at] !== ")") {
    let dimensions = 0;
    while (descriptor[at] === "[") {
      dimensions++;
      at++;
    }
    const primitive = JVM_PRIMITIVE[descriptor[at] ?? ""];
    const end = primitive === undefined ? descriptor.indexOf(";", at) : at;
    if (end < 0 || (primitive === undefined && descriptor[at] !== "L")) return descriptor;
    types.push((primitive ?? dotted(descriptor.slice(at + 1, end))) + "[]".repeat(dimensions));
    at = end + 1;
  }
  return `(${types.join(", ")})`;
}

function dotted(path: string): string {
  return path.replaceAll("/", ".");
}

/** .NET: "void [System.Private.CoreLib] System.Foo::Bar(int32)[OptimizedTier1]" → System.Foo::Bar(int32). */
function ofDotnet(text: string): Spelled {
  const open = text.indexOf(" [");
  const close = open < 0 ? -1 : text.indexOf("] ", open);
  if (close < 0 || !text.includes("::", close)) return undefined;
  const rest = text.slice(close + 2);
  const tier = DOTNET_TIERS.find((end) => rest.endsWith(end));
  return { name: tier === undefined ? rest : rest.slice(0, -tier.length) };
}

import type { Cursor } from "./itanium-cursor.js";
import { readArgument, readExpression } from "./itanium-expressions.js";
import { readName, readSourceName, readTags } from "./itanium-names.js";
import type { Node, ParameterNode } from "./itanium-node.js";
import { ABBREVIATIONS, BUILTIN_TYPES, D_BUILTIN_TYPES, mapChildren } from "./itanium-node.js";
import { failure } from "./limits.js";

/** `<type>` (section 5.1.5). */
export function readType(cursor: Cursor): Node {
  return cursor.nested(readTypeOfAnyKind);
}

function readTypeOfAnyKind(cursor: Cursor): Node {
  const next = cursor.peek();
  switch (next) {
    case "r":
    case "V":
    case "K":
      return readQualifiedType(cursor);
    case "P":
      cursor.position++;
      return cursor.addSubstitution({ kind: "pointer", inner: readType(cursor) });
    case "R":
    case "O":
      cursor.position++;
      return cursor.addSubstitution({ kind: "reference", inner: readType(cursor), rvalue: next === "O" });
    case "C":
      cursor.position++;
      return cursor.addSubstitution({ kind: "qualified", inner: readType(cursor), qualifiers: [" _Complex"] });
    case "G":
      cursor.position++;
      return cursor.addSubstitution({ kind: "qualified", inner: readType(cursor), qualifiers: [" _Imaginary"] });
    case "U":
      // `Ul` and `Ut` are unnamed types; the rest is a vendor's qualifier.
      return /[lt]/.test(cursor.peek(1)) ? readClassType(cursor) : readVendorQualifiedType(cursor);
    case "F":
      return cursor.addSubstitution(readFunctionType(cursor, []));
    case "A":
      return cursor.addSubstitution(readArrayType(cursor));
    case "M": {
      cursor.position++;
      const scope = readType(cursor);
      return cursor.addSubstitution({ kind: "member-pointer", scope, inner: readType(cursor) });
    }
    case "T":
      return readParameterOrElaboratedType(cursor);
    case "S":
      return readSubstitutedType(cursor);
    case "D":
      return readTypeAfterD(cursor);
    case "u": {
      cursor.position++;
      const name = readSourceName(cursor);
      return cursor.addSubstitution(
        cursor.peek() === "I" ? { kind: "template", name, args: readTemplateArgs(cursor) } : name,
      );
    }
    default: {
      const builtin = BUILTIN_TYPES[next];
      if (builtin === undefined) return readClassType(cursor);
      cursor.position++;
      return { kind: "text", text: builtin };
    }
  }
}

function readClassType(cursor: Cursor): Node {
  return cursor.addSubstitution(readName(cursor, { qualifiers: "" }));
}

/** `restrict`, `volatile`, `const`, in the order in which they are printed. */
export function readQualifiers(cursor: Cursor): string[] {
  const qualifiers: string[] = [];
  if (cursor.accept("r")) qualifiers.unshift(" restrict");
  if (cursor.accept("V")) qualifiers.unshift(" volatile");
  if (cursor.accept("K")) qualifiers.unshift(" const");
  return qualifiers;
}

function readQualifiedType(cursor: Cursor): Node {
  const qualifiers = readQualifiers(cursor);
  // The qualifiers of a member function's type are part of it: they make no type of their own.
  if (startsFunctionType(cursor)) return cursor.addSubstitution(readFunctionType(cursor, qualifiers));
  return cursor.addSubstitution({ kind: "qualified", inner: readType(cursor), qualifiers });
}

function startsFunctionType(cursor: Cursor): boolean {
  return cursor.peek() === "F" || (cursor.peek() === "D" && /[oOwx]/.test(cursor.peek(1)));
}

function readVendorQualifiedType(cursor: Cursor): Node {
  cursor.expect("U");
  const name = readSourceName(cursor);
  const text = name.kind === "text" ? name.text : "";
  if (cursor.peek() === "I") readTemplateArgs(cursor);
  return cursor.addSubstitution({ kind: "qualified", inner: readType(cursor), qualifiers: [` ${text}`] });
}

function readFunctionType(cursor: Cursor, before: readonly string[]): Node {
  const qualifiers = [...before];
  let exception: Node | undefined;
  if (cursor.accept("Do")) exception = { kind: "text", text: " noexcept" };
  else if (cursor.accept("DO")) {
    exception = { kind: "expression", form: "operator-call", symbol: " noexcept", operands: [readExpression(cursor)] };
    cursor.expect("E");
  } else if (cursor.accept("Dw")) {
    exception = {
      kind: "expression",
      form: "operator-call",
      symbol: " throw",
      operands: readParameterList(cursor, atEnd),
    };
    cursor.expect("E");
  }
  if (cursor.accept("Dx")) qualifiers.push(" transaction_safe");
  cursor.expect("F");
  cursor.accept("Y");
  const result = readType(cursor);
  const params = readParameterList(cursor, endsFunctionType);
  if (cursor.accept("R")) qualifiers.push(" &");
  else if (cursor.accept("O")) qualifiers.push(" &&");
  cursor.expect("E");
  return { kind: "function", result, params, qualifiers, exception };
}

function atEnd(cursor: Cursor): boolean {
  return cursor.peek() === "E";
}

function endsFunctionType(cursor: Cursor): boolean {
  return atEnd(cursor) || ((cursor.peek() === "R" || cursor.peek() === "O") && cursor.peek(1) === "E");
}

/** Types to where `ends`; a lone `v` is no parameter. */
export function readParameterList(cursor: Cursor, ends: (cursor: Cursor) => boolean): Node[] {
  const params: Node[] = [];
  while (!ends(cursor)) params.push(readType(cursor));
  const [only] = params;
  return params.length === 1 && only.kind === "text" && only.text === "void" ? [] : params;
}

function readArrayType(cursor: Cursor): Node {
  cursor.expect("A");
  let bound: Node | undefined;
  if (/[0-9]/.test(cursor.peek())) bound = { kind: "text", text: String(cursor.number()) };
  else if (cursor.peek() !== "_") bound = readExpression(cursor);
  cursor.expect("_");
  return { kind: "array", inner: readType(cursor), bound };
}

function readParameterOrElaboratedType(cursor: Cursor): Node {
  // `Ts`, `Tu`, `Te`: struct, union, enum, said where a declaration needed it.
  if (/[sue]/.test(cursor.peek(1))) {
    cursor.position += 2;
    return readClassType(cursor);
  }
  const parameter = cursor.addSubstitution(readTemplateParameter(cursor));
  if (cursor.peek() !== "I" || !cursor.parametersTakeArgs) return parameter;
  return cursor.addSubstitution({ kind: "template", name: parameter, args: readTemplateArgs(cursor) });
}

/** `T_`, `T0_`, `TL0__` (of an enclosing template's level). */
export function readTemplateParameter(cursor: Cursor): Node {
  cursor.expect("T");
  const level = cursor.accept("L") ? cursor.number() + 1 : 0;
  if (level > 0) cursor.expect("_");
  const index = cursor.sequence();
  return level > 0 ? automatic(index) : bindParameter(cursor, index);
}

/** What a generic lambda's own parameter is called. */
function automatic(index: number): Node {
  return { kind: "text", text: `auto:${index + 1}` };
}

/** A parameter as it is meant here. Which element of a pack it is, only printing knows. */
function bindParameter(cursor: Cursor, index: number, otherwise?: Node): ParameterNode {
  if (cursor.insideLambda > 0) return { kind: "parameter", index, target: automatic(index) };
  if (cursor.insideConversion && cursor.forwardParameters !== undefined) {
    const parameter: ParameterNode = { kind: "parameter", index, target: undefined };
    cursor.forwardParameters.push(parameter);
    return parameter;
  }
  let target = cursor.templateArgs[index] ?? otherwise;
  if (target === undefined) throw failure;
  // An argument that is a parameter itself is what that stands for: no chain of them ever gets long.
  if (target.kind === "parameter") target = target.target ?? target;
  return { kind: "parameter", index, target };
}

function readSubstitutedType(cursor: Cursor): Node {
  if (cursor.peek(1) === "t") return readClassType(cursor);
  const substitution = readStandardSubstitution(cursor, false);
  if (cursor.peek() !== "I") return substitution;
  if (substitution.kind === "parameter" && !cursor.parametersTakeArgs) return substitution;
  return cursor.addSubstitution({ kind: "template", name: substitution, args: readTemplateArgs(cursor) });
}

/** `S_`, `S1Z_` (base 36) and the standard's abbreviations. A structor's scope is the abbreviation in full. */
export function readStandardSubstitution(cursor: Cursor, asPrefix: boolean): Node {
  cursor.expect("S");
  const abbreviation = ABBREVIATIONS[cursor.peek()];
  if (abbreviation !== undefined) {
    cursor.position++;
    let node = abbreviation;
    if (asPrefix && abbreviation.kind === "abbreviation" && /[CD]/.test(cursor.peek())) {
      node = { ...abbreviation, text: abbreviation.full };
    }
    const tagged = readTags(cursor, node);
    return tagged === node ? node : cursor.addSubstitution(tagged);
  }
  let index = 0;
  if (!cursor.accept("_")) {
    for (let next = cursor.next(); next !== "_"; next = cursor.next()) {
      if (!/[0-9A-Z]/.test(next) || index > 1e6) throw failure;
      index = index * 36 + Number.parseInt(next, 36);
    }
    index++;
  }
  const substitution = cursor.substitutions[index];
  if (substitution === undefined) throw failure;
  return substitution.scope === cursor.scope ? substitution.node : rebind(cursor, substitution.node, new Map());
}

/**
 * A component as it is meant here: compilers go by what was written, so a substitution of `T_*` from a lambda's or
 * another function's parameters stands for a pointer to the `T_` of the template at hand.
 */
function rebind(cursor: Cursor, node: Node, done: Map<Node, Node>): Node {
  // These have template parameters of their own.
  if (node.kind === "local" || node.kind === "lambda" || node.kind === "encoding") return node;
  if (node.kind === "parameter") return bindParameter(cursor, node.index, node.target);
  const known = done.get(node);
  if (known !== undefined) return known;
  let changed = false;
  const copy = cursor.nested(() =>
    mapChildren(node, (child) => {
      const bound = rebind(cursor, child, done);
      if (bound !== child) changed = true;
      return bound;
    }),
  );
  const result = changed ? copy : node;
  done.set(node, result);
  return result;
}

function readTypeAfterD(cursor: Cursor): Node {
  const kind = cursor.peek(1);
  const builtin = D_BUILTIN_TYPES[kind];
  if (builtin !== undefined) {
    cursor.position += 2;
    return { kind: "text", text: builtin };
  }
  if (startsFunctionType(cursor)) return cursor.addSubstitution(readFunctionType(cursor, []));
  cursor.position += 2;
  switch (kind) {
    case "p":
      return cursor.addSubstitution({ kind: "expansion", pattern: readType(cursor) });
    case "t":
    case "T": {
      const operands = [readExpression(cursor)];
      cursor.expect("E");
      return cursor.addSubstitution({ kind: "expression", form: "decltype", symbol: "decltype", operands });
    }
    case "v": {
      const length: Node = cursor.accept("_")
        ? readExpression(cursor)
        : { kind: "text", text: String(cursor.number()) };
      cursor.expect("_");
      return cursor.addSubstitution({ kind: "vector", inner: readType(cursor), length });
    }
    case "F":
      return readExtendedFloat(cursor);
    case "B":
    case "U": {
      const bits = /[0-9]/.test(cursor.peek()) ? String(cursor.number()) : "";
      cursor.expect("_");
      return { kind: "text", text: `${kind === "U" ? "unsigned " : ""}_BitInt(${bits})` };
    }
    case "k":
    case "K": {
      readName(cursor, { qualifiers: "" });
      return { kind: "text", text: kind === "k" ? "auto" : "decltype(auto)" };
    }
    default:
      throw failure;
  }
}

/** `DF16_`, `DF16b`, `DF32x`: the floating types of ISO/IEC TS 18661. */
function readExtendedFloat(cursor: Cursor): Node {
  const bits = cursor.number();
  if (cursor.accept("b")) return { kind: "text", text: `std::bfloat${bits}_t` };
  if (cursor.accept("x")) return { kind: "text", text: `_Float${bits}x` };
  cursor.expect("_");
  return { kind: "text", text: `_Float${bits}` };
}

/** `I … E`. Those of an encoding's own name are what its `T_` stand for, the earlier ones already for the later. */
export function readTemplateArgs(cursor: Cursor, ofEncoding = false): Node[] {
  cursor.expect("I");
  const { insideConversion, parametersTakeArgs } = cursor;
  cursor.parametersTakeArgs = true;
  const args: Node[] = [];
  if (ofEncoding) {
    cursor.templateArgs = args;
    cursor.insideConversion = false;
  }
  while (!cursor.accept("E")) {
    args.push(readArgument(cursor));
    if (cursor.accept("Q")) readExpression(cursor);
  }
  cursor.insideConversion = insideConversion;
  cursor.parametersTakeArgs = parametersTakeArgs;
  return args;
}

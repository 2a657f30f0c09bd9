import type { Cursor } from "./itanium-cursor.js";
import { readExpression } from "./itanium-expressions.js";
import type { Node } from "./itanium-node.js";
import { OPERATORS } from "./itanium-node.js";
import { readSpecialName } from "./itanium-special-names.js";
import {
  readParameterList,
  readQualifiers,
  readStandardSubstitution,
  readTemplateArgs,
  readTemplateParameter,
  readType,
} from "./itanium-types.js";
import { failure } from "./limits.js";

/** What reading a name told about the function that bears it. */
interface NameFacts {
  /** " const", " &": of the member function. */
  qualifiers: string;
}

/**
 * `<encoding>` (section 5.1.2): a function with its signature, a variable, or one of the compiler's own objects.
 * Has template arguments of its own, so what `T_` meant outside is put back at its end.
 */
export function readEncoding(cursor: Cursor, enclosing = false): Node {
  if (cursor.peek() === "G" || cursor.peek() === "T") return cursor.nested(readSpecialName);
  const { templateArgs, forwardParameters } = cursor;
  cursor.templateArgs = [];
  cursor.forwardParameters = [];
  const encoding = cursor.nested((inner) => readFunctionOrVariable(inner, enclosing));
  cursor.templateArgs = templateArgs;
  cursor.forwardParameters = forwardParameters;
  return encoding;
}

function readFunctionOrVariable(cursor: Cursor, enclosing: boolean): Node {
  const facts: NameFacts = { qualifiers: "" };
  const name = readName(cursor, facts, true);
  for (const parameter of cursor.forwardParameters ?? []) {
    parameter.target = cursor.templateArgs[parameter.index];
    if (parameter.target === undefined) throw failure;
  }
  const { qualifiers } = facts;
  if (endsEncoding(cursor)) return { kind: "encoding", name, result: undefined, params: undefined, qualifiers };
  const result = hasResult(name) ? readType(cursor) : undefined;
  const params = readParameterList(cursor, endsEncoding);
  // A constraint tells overloads apart for the linker; nobody looks for it in a profile.
  if (cursor.accept("Q")) readExpression(cursor);
  // The result of the function around a local name is not printed: it would look like the local name's own.
  return { kind: "encoding", name, result: enclosing ? undefined : result, params, qualifiers };
}

function endsEncoding(cursor: Cursor): boolean {
  const next = cursor.peek();
  return next === "" || next === "E" || next === "." || next === "Q";
}

/** Only instances of function templates carry their result type, and of those not what has none to say. */
function hasResult(name: Node): boolean {
  if (name.kind === "local") return hasResult(name.name);
  return name.kind === "template" && !isStructorOrConversion(name.name);
}

function isStructorOrConversion(name: Node): boolean {
  if (name.kind === "nested" || name.kind === "local" || name.kind === "tagged") {
    return isStructorOrConversion(name.name);
  }
  return name.kind === "structor" || name.kind === "conversion";
}

/** `<name>`. Template arguments are kept for `T_` when the name is an encoding's. */
export function readName(cursor: Cursor, facts: NameFacts, ofEncoding = false): Node {
  return cursor.nested(() => {
    const next = cursor.peek();
    if (next === "N") return readNestedName(cursor, facts, ofEncoding);
    if (next === "Z") return readLocalName(cursor, facts, ofEncoding);
    let name: Node;
    if (next === "S" && cursor.peek(1) !== "t") {
      name = readStandardSubstitution(cursor, false);
      if (cursor.peek() !== "I") throw failure;
    } else {
      const std = cursor.accept("St");
      name = readUnqualifiedName(cursor, undefined);
      if (std) name = { kind: "nested", scope: { kind: "text", text: "std" }, name };
      if (cursor.peek() !== "I") return name;
      cursor.addSubstitution(name);
    }
    return { kind: "template", name, args: readTemplateArgs(cursor, ofEncoding) };
  });
}

function readNestedName(cursor: Cursor, facts: NameFacts, ofEncoding: boolean): Node {
  cursor.expect("N");
  // An explicit object parameter is named among the parameters too.
  if (!cursor.accept("H")) {
    const qualifiers = readQualifiers(cursor).join("");
    facts.qualifiers = qualifiers + readReferenceQualifier(cursor);
  }
  let name: Node | undefined;
  while (!cursor.accept("E")) {
    const next = cursor.peek();
    if (next === "S" && name === undefined) {
      name = readStandardSubstitution(cursor, true);
      continue;
    }
    if (next === "I") {
      if (name === undefined || name.kind === "template") throw failure;
      name = { kind: "template", name, args: readTemplateArgs(cursor, ofEncoding) };
    } else if (next === "T") {
      if (name !== undefined) throw failure;
      name = readTemplateParameter(cursor);
    } else if (next === "D" && (cursor.peek(1) === "t" || cursor.peek(1) === "T")) {
      if (name !== undefined) throw failure;
      name = readType(cursor);
      continue;
    } else if (next === "M") {
      // The initializer of a data member is the scope of its lambdas; the member's name is there already.
      cursor.position++;
      continue;
    } else {
      const last = readUnqualifiedName(cursor, name);
      name = name === undefined ? last : { kind: "nested", scope: name, name: last };
    }
    if (cursor.peek() !== "E") cursor.addSubstitution(name);
  }
  if (name === undefined) throw failure;
  return name;
}

function readReferenceQualifier(cursor: Cursor): string {
  if (cursor.accept("R")) return " &";
  return cursor.accept("O") ? " &&" : "";
}

function readLocalName(cursor: Cursor, facts: NameFacts, ofEncoding: boolean): Node {
  cursor.expect("Z");
  const scope = readEncoding(cursor, true);
  cursor.expect("E");
  if (cursor.accept("s")) {
    skipDiscriminator(cursor);
    return { kind: "local", scope, name: { kind: "text", text: "string literal" } };
  }
  if (cursor.accept("d")) {
    const argument = cursor.sequence();
    const entity = readName(cursor, facts, ofEncoding);
    const inDefault: Node = { kind: "text", text: `{default arg#${argument + 1}}` };
    return { kind: "local", scope, name: { kind: "nested", scope: inDefault, name: entity } };
  }
  const name = readName(cursor, facts, ofEncoding);
  skipDiscriminator(cursor);
  return { kind: "local", scope, name };
}

/** `_3` or `__12_`: which of a function's entities of one name. Two of them are two symbols with two addresses. */
function skipDiscriminator(cursor: Cursor): void {
  if (cursor.peek() !== "_") return;
  if (cursor.accept("__")) {
    cursor.number();
    cursor.accept("_");
  } else if (/[0-9]/.test(cursor.peek(1))) {
    cursor.position += 2;
  }
}

function readUnqualifiedName(cursor: Cursor, scope: Node | undefined): Node {
  cursor.accept("F");
  cursor.accept("L");
  const next = cursor.peek();
  let name: Node;
  if (/[0-9]/.test(next)) name = readSourceName(cursor);
  else if (next === "C" || (next === "D" && /[0-9]/.test(cursor.peek(1)))) name = readStructor(cursor, scope);
  else if (next === "U") name = readUnnamedType(cursor);
  else if (cursor.accept("DC")) name = readStructuredBinding(cursor);
  else name = readOperatorName(cursor);
  return readTags(cursor, name);
}

export function readTags(cursor: Cursor, name: Node): Node {
  while (cursor.accept("B")) name = { kind: "tagged", name, tag: readIdentifier(cursor) };
  return name;
}

function readIdentifier(cursor: Cursor): string {
  const length = cursor.number();
  const start = cursor.position;
  if (length === 0 || start + length > cursor.text.length) throw failure;
  cursor.position += length;
  return cursor.text.slice(start, start + length);
}

export function readSourceName(cursor: Cursor): Node {
  const identifier = readIdentifier(cursor);
  // GCC's and clang's unnamed namespaces: `_GLOBAL__N_` and a number or the file's name.
  return { kind: "text", text: /^_GLOBAL_[._$]N/.test(identifier) ? "(anonymous namespace)" : identifier };
}

function readStructor(cursor: Cursor, scope: Node | undefined): Node {
  if (scope === undefined) throw failure;
  const destructor = cursor.next() === "D";
  const inheriting = !destructor && cursor.accept("I");
  if (!/[0-9]/.test(cursor.next())) throw failure;
  if (inheriting) readType(cursor);
  return { kind: "structor", className: lastName(scope), destructor };
}

/** The class's own name in its qualified one: what a constructor is called. */
function lastName(node: Node): Node {
  switch (node.kind) {
    case "nested":
    case "local":
    case "template":
    case "tagged":
      return lastName(node.name);
    case "abbreviation":
      return { kind: "text", text: node.className };
    case "parameter":
      return node.target === undefined ? node : lastName(node.target);
    default:
      return node;
  }
}

/** Closure types (`Ul`) and unnamed structs and enums (`Ut`), counted within their scope. */
function readUnnamedType(cursor: Cursor): Node {
  if (cursor.accept("Ut")) {
    const number = cursor.sequence() + 1;
    return { kind: "text", text: `{unnamed type#${number}}` };
  }
  cursor.expect("Ul");
  cursor.insideLambda++;
  while (cursor.peek() === "T" && /[yptnk]/.test(cursor.peek(1))) skipTemplateParameterDeclaration(cursor);
  const params = readParameterList(cursor, (at) => at.peek() === "E" || at.peek() === "Q");
  if (cursor.accept("Q")) readExpression(cursor);
  cursor.insideLambda--;
  cursor.expect("E");
  const number = cursor.sequence() + 1;
  return { kind: "lambda", params, number };
}

/** `<template-param-decl>`: the explicit template parameters of a lambda. */
export function skipTemplateParameterDeclaration(cursor: Cursor): void {
  cursor.nested(() => {
    cursor.expect("T");
    const kind = cursor.next();
    if (kind === "n") readType(cursor);
    else if (kind === "p") skipTemplateParameterDeclaration(cursor);
    else if (kind === "k") readName(cursor, { qualifiers: "" });
    else if (kind === "t") {
      while (cursor.peek() === "T") skipTemplateParameterDeclaration(cursor);
      cursor.expect("E");
    } else if (kind !== "y") throw failure;
  });
}

function readStructuredBinding(cursor: Cursor): Node {
  const names: string[] = [];
  while (!cursor.accept("E")) names.push(readIdentifier(cursor));
  return { kind: "text", text: `[${names.join(", ")}]` };
}

/** `<operator-name>` as a function's name. */
export function readOperatorName(cursor: Cursor): Node {
  if (cursor.accept("cv")) return readConversion(cursor);
  if (cursor.accept("li")) return { kind: "text", text: `operator"" ${readIdentifier(cursor)}` };
  if (cursor.accept("v")) {
    cursor.number();
    return { kind: "text", text: `operator ${readIdentifier(cursor)}` };
  }
  const symbol = OPERATORS[cursor.next() + cursor.next()];
  if (symbol === undefined) throw failure;
  return { kind: "text", text: `operator${/^[a-z]/.test(symbol) ? " " : ""}${symbol.trimEnd()}` };
}

function readConversion(cursor: Cursor): Node {
  const { insideConversion, parametersTakeArgs } = cursor;
  cursor.insideConversion = cursor.forwardParameters !== undefined;
  cursor.parametersTakeArgs = false;
  const type = readType(cursor);
  cursor.insideConversion = insideConversion;
  cursor.parametersTakeArgs = parametersTakeArgs;
  return { kind: "conversion", type };
}

import type { Cursor } from "./itanium-cursor.js";
import {
  readEncoding,
  readOperatorName,
  readSourceName,
  readTags,
  skipTemplateParameterDeclaration,
} from "./itanium-names.js";
import type { ExpressionForm, Node } from "./itanium-node.js";
import { OPERATORS } from "./itanium-node.js";
import { readQualifiers, readTemplateArgs, readTemplateParameter, readType } from "./itanium-types.js";
import { failure } from "./limits.js";

/** `<template-arg>` (section 5.1.6). */
export function readArgument(cursor: Cursor): Node {
  return cursor.nested(() => {
    switch (cursor.peek()) {
      case "L":
        return readPrimary(cursor);
      case "X": {
        cursor.position++;
        const expression = readExpression(cursor);
        cursor.expect("E");
        return expression;
      }
      case "I":
      case "J": {
        cursor.position++;
        const elements: Node[] = [];
        while (!cursor.accept("E")) elements.push(readArgument(cursor));
        return { kind: "pack", elements };
      }
      case "T":
        // A template parameter said together with its declaration, where the argument alone would be ambiguous.
        if (/[yptnk]/.test(cursor.peek(1))) {
          skipTemplateParameterDeclaration(cursor);
          return readArgument(cursor);
        }
        return readType(cursor);
      default:
        return readType(cursor);
    }
  });
}

/** `L <type> <value> E`, `L _Z <encoding> E`. */
function readPrimary(cursor: Cursor): Node {
  cursor.expect("L");
  if (cursor.accept("_Z") || cursor.accept("Z")) {
    const encoding = readEncoding(cursor);
    cursor.expect("E");
    return encoding;
  }
  const type = readType(cursor);
  if (cursor.accept("E")) return type.kind === "text" ? type : { kind: "literal", type, value: "" };
  const start = cursor.position;
  while (cursor.peek() !== "E") cursor.next();
  const value = cursor.text.slice(start, cursor.position);
  cursor.expect("E");
  return { kind: "literal", type, value: value.startsWith("n") ? `-${value.slice(1)}` : value };
}

/** `<expression>` (section 5.1.6.1). */
export function readExpression(cursor: Cursor): Node {
  return cursor.nested(readExpressionOfAnyKind);
}

const UNARY = new Set(["ad", "aw", "co", "da", "de", "dl", "mm", "ng", "nt", "pp", "ps", "tw"]);
const OPERATOR_CALLS = new Set(["at", "az", "nx", "st", "sz", "te", "ti"]);
const NAMED_CASTS = new Set(["cc", "dc", "rc", "sc"]);
const FOLDS: Readonly<Record<string, ExpressionForm>> = {
  fl: "fold-left",
  fr: "fold-right",
  fL: "fold-binary",
  fR: "fold-binary",
};

function make(form: ExpressionForm, symbol: string, ...operands: Node[]): Node {
  return { kind: "expression", form, symbol, operands };
}

function readExpressionOfAnyKind(cursor: Cursor): Node {
  const next = cursor.peek();
  if (next === "L") return readPrimary(cursor);
  if (next === "T") return readTemplateParameter(cursor);
  if (/[0-9]/.test(next)) return readUnresolvedName(cursor);
  const code = next + cursor.peek(1);
  if (code === "fp" || code === "fL") {
    const parameter = readFunctionParameter(cursor);
    if (parameter !== undefined) return parameter;
  }
  const symbol = OPERATORS[code] ?? "";
  if (code !== "on" && code !== "dn") cursor.position += 2;
  if (FOLDS[code] !== undefined) return readFold(cursor, code);
  if (UNARY.has(code)) {
    // `pp_` and `mm_` are the prefix forms of what is postfix otherwise.
    if ((code === "pp" || code === "mm") && !cursor.accept("_")) return make("postfix", symbol, readExpression(cursor));
    return make("prefix", symbol, readExpression(cursor));
  }
  if (NAMED_CASTS.has(code)) return make("named-cast", symbol, readType(cursor), readExpression(cursor));
  if (OPERATOR_CALLS.has(code)) {
    const ofType = code === "at" || code === "st" || code === "ti";
    return make("operator-call", symbol, ofType ? readType(cursor) : readExpression(cursor));
  }
  switch (code) {
    case "cl":
    case "cp": {
      const callee = readExpression(cursor);
      return make("call", "", callee, { kind: "list", items: readItems(cursor) });
    }
    case "cv": {
      const type = readType(cursor);
      const value: Node = cursor.accept("_") ? { kind: "list", items: readItems(cursor) } : readExpression(cursor);
      return make("cast", "", type, value);
    }
    case "tl":
      return { kind: "braced", type: readType(cursor), items: readItems(cursor) };
    case "il":
      return { kind: "braced", type: undefined, items: readItems(cursor) };
    case "di":
      return make(
        "binary",
        "=",
        { kind: "nested", scope: { kind: "text", text: "" }, name: readSourceName(cursor) },
        readExpression(cursor),
      );
    case "ix":
      return make("index", "", readExpression(cursor), readExpression(cursor));
    case "qu":
      return make("conditional", "", readExpression(cursor), readExpression(cursor), readExpression(cursor));
    case "dt":
    case "pt":
      return make("binary", symbol, readExpression(cursor), readExpression(cursor));
    case "tr":
      return { kind: "text", text: "throw" };
    case "sp":
      return { kind: "expansion", pattern: readExpression(cursor) };
    case "sZ":
      return make("pack-length", "", cursor.peek() === "T" ? readTemplateParameter(cursor) : readExpression(cursor));
    case "sP": {
      const elements: Node[] = [];
      while (!cursor.accept("E")) elements.push(readArgument(cursor));
      return make("pack-length", "", { kind: "pack", elements });
    }
    case "sr":
      return readScopedName(cursor);
    case "gs":
      if (/^n[wa]/.test(cursor.peek() + cursor.peek(1))) return readNew(cursor, "::");
      return { kind: "nested", scope: { kind: "text", text: "" }, name: readExpression(cursor) };
    case "nw":
    case "na":
      cursor.position -= 2;
      return readNew(cursor, "");
    case "on":
    case "dn":
      return readUnresolvedName(cursor);
    case "u": {
      const name = readSourceName(cursor);
      return make("call", "", name, { kind: "list", items: readItems(cursor) });
    }
    default:
      if (symbol === "") throw failure;
      return make("binary", symbol, readExpression(cursor), readExpression(cursor));
  }
}

/** Expressions to `E`. */
function readItems(cursor: Cursor): Node[] {
  const items: Node[] = [];
  while (!cursor.accept("E")) items.push(readExpression(cursor));
  return items;
}

/** `fp_`, `fpT`, `fL0p_`: a parameter of the function, in its own signature. */
function readFunctionParameter(cursor: Cursor): Node | undefined {
  if (cursor.accept("fpT")) return { kind: "text", text: "this" };
  if (!cursor.accept("fp")) {
    if (!/[0-9]/.test(cursor.peek(2))) return undefined;
    cursor.position += 2;
    cursor.number();
    cursor.expect("p");
  }
  readQualifiers(cursor);
  return { kind: "text", text: `{parm#${cursor.sequence() + 1}}` };
}

function readFold(cursor: Cursor, code: string): Node {
  const symbol = OPERATORS[cursor.next() + cursor.next()];
  if (symbol === undefined) throw failure;
  const operands = [readExpression(cursor)];
  if (FOLDS[code] === "fold-binary") operands.push(readExpression(cursor));
  return { kind: "expression", form: FOLDS[code], symbol, operands };
}

function readNew(cursor: Cursor, scope: string): Node {
  const array = cursor.next() + cursor.next() === "na";
  const placement: Node[] = [];
  while (!cursor.accept("_")) placement.push(readExpression(cursor));
  const type = readType(cursor);
  const operands: Node[] = [{ kind: "list", items: placement }, type];
  if (cursor.accept("pi")) operands.push({ kind: "list", items: readItems(cursor) });
  else if (cursor.peek() === "i") operands.push(readExpression(cursor));
  else cursor.expect("E");
  return { kind: "expression", form: "new", symbol: `${scope}new${array ? "[]" : ""}`, operands };
}

/** `sr <type> <name>`, `srN <type> <qualifier>+ E <name>`, `sr <qualifier>+ E <name>`: names that instantiation would find. */
function readScopedName(cursor: Cursor): Node {
  const scope = readScope(cursor);
  const name = readUnresolvedName(cursor);
  if (name.kind !== "template") return { kind: "nested", scope, name };
  return { kind: "template", name: { kind: "nested", scope, name: name.name }, args: name.args };
}

function readScope(cursor: Cursor): Node {
  if (cursor.accept("N")) return readScopeQualifiers(cursor, readType(cursor));
  if (!/[0-9]/.test(cursor.peek())) return readType(cursor);
  // Qualifiers end in `E` and a name follows; else GCC has written a class's name as a type.
  const qualifiers = cursor.attempt(() => {
    let scope = readSimpleId(cursor);
    while (/[0-9]/.test(cursor.peek())) scope = { kind: "nested", scope, name: readSimpleId(cursor) };
    return cursor.accept("E") && /^(?:[0-9]|on|dn)/.test(cursor.peek() + cursor.peek(1)) ? scope : undefined;
  });
  return qualifiers ?? readType(cursor);
}

function readScopeQualifiers(cursor: Cursor, outer: Node): Node {
  let scope = outer;
  while (!cursor.accept("E")) scope = { kind: "nested", scope, name: readSimpleId(cursor) };
  return scope;
}

function readSimpleId(cursor: Cursor): Node {
  const name = readTags(cursor, readSourceName(cursor));
  return cursor.peek() === "I" ? { kind: "template", name, args: readTemplateArgs(cursor) } : name;
}

/** The last part of a name that was not looked up: an identifier, an operator (`on`) or a destructor (`dn`). */
function readUnresolvedName(cursor: Cursor): Node {
  if (/[0-9]/.test(cursor.peek())) return readSimpleId(cursor);
  if (cursor.accept("dn")) {
    const className = /[0-9]/.test(cursor.peek()) ? readSimpleId(cursor) : readType(cursor);
    return { kind: "structor", className, destructor: true };
  }
  cursor.accept("on");
  const name = readOperatorName(cursor);
  return cursor.peek() === "I" ? { kind: "template", name, args: readTemplateArgs(cursor) } : name;
}

import type { Node } from "./itanium-node.js";
import type { Printer } from "./itanium-printer.js";

type ExpressionNode = Extract<Node, { kind: "expression" | "literal" | "list" | "braced" }>;

/** What a literal of each builtin type ends in; those not here are written as a cast. */
const LITERAL_SUFFIXES: Readonly<Record<string, string>> = {
  int: "",
  "unsigned int": "u",
  long: "l",
  "unsigned long": "ul",
  "long long": "ll",
  "unsigned long long": "ull",
};
const FLOAT_TYPES = new Set(["double", "long double", "float", "__float128"]);

/** Writes what template arguments and decltype can hold besides types. */
export function printExpression(printer: Printer, node: ExpressionNode): void {
  switch (node.kind) {
    case "literal":
      return printLiteral(printer, printer.resolve(node.type), node.value);
    case "list":
      return printer.printList(node.items);
    case "braced":
      if (node.type !== undefined) printer.print(node.type);
      printer.append("{");
      printer.printList(node.items);
      return printer.append("}");
    case "expression":
      return printOperation(printer, node);
  }
}

function printLiteral(printer: Printer, type: Node, value: string): void {
  if (type.kind === "text") {
    const suffix = LITERAL_SUFFIXES[type.text];
    if (suffix !== undefined) return printer.append(value + suffix);
    if (type.text === "bool" && (value === "0" || value === "1")) {
      return printer.append(value === "0" ? "false" : "true");
    }
  }
  printer.append("(");
  printer.print(type);
  printer.append(")");
  // The bytes of a floating literal, in hexadecimal.
  const float = type.kind === "text" && FLOAT_TYPES.has(type.text);
  printer.append(float ? `[${value}]` : value);
}

function printOperation(printer: Printer, node: Extract<Node, { kind: "expression" }>): void {
  const { form, symbol, operands } = node;
  const [first, second, third] = operands;
  const inParentheses = (inner: Node): void => {
    printer.append("(");
    printer.print(inner);
    printer.append(")");
  };
  switch (form) {
    case "prefix":
      printer.append(symbol);
      return printer.printOperand(symbol === "&" ? withoutSignature(first) : first);
    case "postfix":
      printer.printOperand(first);
      return printer.append(symbol);
    case "binary":
      // A bare `>` would end the argument list around it.
      if (symbol === ">") printer.append("(");
      printer.printOperand(first);
      printer.append(symbol);
      printer.printOperand(second);
      if (symbol === ">") printer.append(")");
      return;
    case "call":
      printer.printOperand(first.kind === "encoding" ? first.name : first);
      return inParentheses(second);
    case "index":
      printer.printOperand(first);
      printer.append("[");
      printer.print(second);
      return printer.append("]");
    case "conditional":
      printer.printOperand(first);
      printer.append("?");
      printer.printOperand(second);
      printer.append(" : ");
      return printer.printOperand(third);
    case "cast":
      inParentheses(first);
      return second.kind === "list" ? inParentheses(second) : printer.printOperand(second);
    case "named-cast":
      printer.append(`${symbol}<`);
      printer.print(first);
      printer.append(">");
      return inParentheses(second);
    case "operator-call":
      printer.append(symbol);
      printer.append("(");
      printer.printList(operands);
      return printer.append(")");
    case "decltype":
      printer.append("decltype ");
      return inParentheses(first);
    case "fold-left":
      printer.append(`(...${symbol}`);
      printer.printOperand(first);
      return printer.append(")");
    case "fold-right":
      printer.append("(");
      printer.printOperand(first);
      return printer.append(`${symbol}...)`);
    case "fold-binary":
      printer.append("(");
      printer.printOperand(first);
      printer.append(`${symbol}...${symbol}`);
      printer.printOperand(second);
      return printer.append(")");
    case "new":
      return printNew(printer, symbol, operands);
    case "pack-length": {
      const elements = first.kind === "pack" ? first.elements : printer.packOf(first);
      return printer.append(String(elements?.length ?? 0));
    }
  }
}

function printNew(printer: Printer, symbol: string, operands: readonly Node[]): void {
  const [placement, type, initializer] = operands;
  printer.append(`${symbol} `);
  if (placement.kind === "list" && placement.items.length > 0) {
    printer.append("(");
    printer.print(placement);
    printer.append(") ");
  }
  printer.print(type);
  if (initializer === undefined) return;
  if (initializer.kind === "list") printer.append("(");
  printer.print(initializer);
  if (initializer.kind === "list") printer.append(")");
}

/** The address of a function needs its name only. */
function withoutSignature(node: Node): Node {
  if (node.kind !== "encoding") return node;
  return node.params === undefined || (node.name.kind === "nested" && node.qualifiers === "") ? node.name : node;
}

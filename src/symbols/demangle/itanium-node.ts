/**
 * What a mangled C++ name says, as a tree: made by the parser, read by the printer. Substitutions make it a graph whose
 * printed size can be exponential in its own, so only the printer's limits bound the output.
 */
export type Node =
  /** Identifiers, builtin types, `std`, operators as names. */
  | { readonly kind: "text"; readonly text: string }
  /** One of the standard's abbreviations (`Ss`); a constructor's scope is printed in full, as every C++ tool does. */
  | { readonly kind: "abbreviation"; readonly text: string; readonly full: string; readonly className: string }
  | { readonly kind: "nested"; readonly scope: Node; readonly name: Node }
  | { readonly kind: "tagged"; readonly name: Node; readonly tag: string }
  | { readonly kind: "template"; readonly name: Node; readonly args: readonly Node[] }
  | { readonly kind: "structor"; readonly className: Node; readonly destructor: boolean }
  | { readonly kind: "conversion"; readonly type: Node }
  | { readonly kind: "lambda"; readonly params: readonly Node[]; readonly number: number }
  /** An entity of a function: `f(int)::entity`. */
  | { readonly kind: "local"; readonly scope: Node; readonly name: Node }
  | EncodingNode
  /** "vtable for " and the like, before what they are for. */
  | { readonly kind: "special"; readonly prefix: string; readonly target: Node }
  | { readonly kind: "construction-vtable"; readonly base: Node; readonly whole: Node }
  /** A suffix that a compiler hung on a name: " [clone .cold]". */
  | { readonly kind: "suffixed"; readonly inner: Node; readonly suffix: string }
  | { readonly kind: "qualified"; readonly inner: Node; readonly qualifiers: readonly string[] }
  | { readonly kind: "pointer"; readonly inner: Node }
  | { readonly kind: "reference"; readonly inner: Node; readonly rvalue: boolean }
  | FunctionNode
  | { readonly kind: "array"; readonly inner: Node; readonly bound: Node | undefined }
  | { readonly kind: "vector"; readonly inner: Node; readonly length: Node }
  | { readonly kind: "member-pointer"; readonly scope: Node; readonly inner: Node }
  /** Template arguments that one `typename... T` took. */
  | { readonly kind: "pack"; readonly elements: readonly Node[] }
  | ParameterNode
  | { readonly kind: "expansion"; readonly pattern: Node }
  /** A part of an expression that needs parentheses inside a larger one. */
  | {
      readonly kind: "expression";
      readonly form: ExpressionForm;
      readonly symbol: string;
      readonly operands: readonly Node[];
    }
  | { readonly kind: "literal"; readonly type: Node; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly Node[] }
  | { readonly kind: "braced"; readonly type: Node | undefined; readonly items: readonly Node[] };

export type ExpressionForm =
  | "prefix"
  | "postfix"
  | "binary"
  | "call"
  | "index"
  | "conditional"
  | "cast"
  | "named-cast"
  /** `sizeof (type)`: the operand always in parentheses. */
  | "operator-call"
  | "fold-left"
  | "fold-right"
  | "fold-binary"
  | "new"
  | "pack-length"
  | "decltype";

/** A function (or variable, when params is undefined) with its whole signature. */
export interface EncodingNode {
  readonly kind: "encoding";
  readonly name: Node;
  readonly result: Node | undefined;
  readonly params: readonly Node[] | undefined;
  /** " const", " &" of a member function. */
  readonly qualifiers: string;
}

/** A function type. */
export interface FunctionNode {
  readonly kind: "function";
  readonly result: Node;
  readonly params: readonly Node[];
  readonly qualifiers: readonly string[];
  readonly exception: Node | undefined;
}

/** A template parameter and the argument it stands for: undefined until known, where it comes before its template's arguments. */
export interface ParameterNode {
  readonly kind: "parameter";
  readonly index: number;
  target: Node | undefined;
}

/** A copy of a node with other nodes below it; the same node where it has none. What a lambda's parameters say stays in it. */
export function mapChildren(node: Node, map: (child: Node) => Node): Node {
  switch (node.kind) {
    case "nested":
    case "local":
      return { ...node, scope: map(node.scope), name: map(node.name) };
    case "tagged":
      return { ...node, name: map(node.name) };
    case "template":
      return { ...node, name: map(node.name), args: node.args.map(map) };
    case "structor":
      return { ...node, className: map(node.className) };
    case "conversion":
      return { ...node, type: map(node.type) };
    case "qualified":
    case "pointer":
    case "reference":
    case "suffixed":
      return { ...node, inner: map(node.inner) };
    case "function":
      return {
        ...node,
        result: map(node.result),
        params: node.params.map(map),
        exception: node.exception && map(node.exception),
      };
    case "array":
      return { ...node, inner: map(node.inner), bound: node.bound && map(node.bound) };
    case "vector":
      return { ...node, inner: map(node.inner), length: map(node.length) };
    case "member-pointer":
      return { ...node, scope: map(node.scope), inner: map(node.inner) };
    case "pack":
      return { ...node, elements: node.elements.map(map) };
    case "parameter":
      return { ...node, target: node.target && map(node.target) };
    case "expansion":
      return { ...node, pattern: map(node.pattern) };
    case "expression":
      return { ...node, operands: node.operands.map(map) };
    case "literal":
      return { ...node, type: map(node.type) };
    case "list":
      return { ...node, items: node.items.map(map) };
    case "braced":
      return { ...node, type: node.type && map(node.type), items: node.items.map(map) };
    case "encoding":
      return { ...node, name: map(node.name), params: node.params?.map(map) };
    default:
      return node;
  }
}

/** Calls `visit` with each node directly below. */
export function forEachChild(node: Node, visit: (child: Node) => void): void {
  mapChildren(node, (child) => {
    visit(child);
    return child;
  });
}

/** What an abbreviation of the ABI stands for (section 5.1.8, compression). */
const STRING_ARGS = "<char, std::char_traits<char>, std::allocator<char> >";
const STREAM_ARGS = "<char, std::char_traits<char> >";
export const ABBREVIATIONS: Readonly<Record<string, Node>> = {
  t: { kind: "text", text: "std" },
  a: { kind: "abbreviation", text: "std::allocator", full: "std::allocator", className: "allocator" },
  b: { kind: "abbreviation", text: "std::basic_string", full: "std::basic_string", className: "basic_string" },
  s: { kind: "abbreviation", text: "std::string", full: `std::basic_string${STRING_ARGS}`, className: "basic_string" },
  i: {
    kind: "abbreviation",
    text: "std::istream",
    full: `std::basic_istream${STREAM_ARGS}`,
    className: "basic_istream",
  },
  o: {
    kind: "abbreviation",
    text: "std::ostream",
    full: `std::basic_ostream${STREAM_ARGS}`,
    className: "basic_ostream",
  },
  d: {
    kind: "abbreviation",
    text: "std::iostream",
    full: `std::basic_iostream${STREAM_ARGS}`,
    className: "basic_iostream",
  },
};

/** Builtin types by their letter (section 5.1.5.2). */
export const BUILTIN_TYPES: Readonly<Record<string, string>> = {
  a: "signed char",
  b: "bool",
  c: "char",
  d: "double",
  e: "long double",
  f: "float",
  g: "__float128",
  h: "unsigned char",
  i: "int",
  j: "unsigned int",
  l: "long",
  m: "unsigned long",
  n: "__int128",
  o: "unsigned __int128",
  s: "short",
  t: "unsigned short",
  v: "void",
  w: "wchar_t",
  x: "long long",
  y: "unsigned long long",
  z: "...",
};

/** Builtin types of two letters, by the second. */
export const D_BUILTIN_TYPES: Readonly<Record<string, string>> = {
  a: "auto",
  c: "decltype(auto)",
  d: "decimal64",
  e: "decimal128",
  f: "decimal32",
  h: "half",
  i: "char32_t",
  n: "decltype(nullptr)",
  s: "char16_t",
  u: "char8_t",
};

/** Operators by their code (section 5.1.4): what is printed. Those of words carry the space that an expression needs. */
export const OPERATORS: Readonly<Record<string, string>> = {
  aN: "&=",
  aS: "=",
  aa: "&&",
  ad: "&",
  an: "&",
  at: "alignof ",
  aw: "co_await ",
  az: "alignof ",
  cc: "const_cast",
  cl: "()",
  cm: ",",
  co: "~",
  dV: "/=",
  dX: "[...]=",
  da: "delete[] ",
  dc: "dynamic_cast",
  de: "*",
  di: "=",
  dl: "delete ",
  ds: ".*",
  dt: ".",
  dv: "/",
  dx: "]=",
  eO: "^=",
  eo: "^",
  eq: "==",
  ge: ">=",
  gt: ">",
  ix: "[]",
  lS: "<<=",
  le: "<=",
  ls: "<<",
  lt: "<",
  mI: "-=",
  mL: "*=",
  mi: "-",
  ml: "*",
  mm: "--",
  na: "new[]",
  ne: "!=",
  ng: "-",
  nt: "!",
  nw: "new",
  nx: "noexcept",
  oR: "|=",
  oo: "||",
  or: "|",
  pL: "+=",
  pl: "+",
  pm: "->*",
  pp: "++",
  ps: "+",
  pt: "->",
  qu: "?",
  rM: "%=",
  rS: ">>=",
  rc: "reinterpret_cast",
  rm: "%",
  rs: ">>",
  sc: "static_cast",
  ss: "<=>",
  st: "sizeof ",
  sz: "sizeof ",
  te: "typeid ",
  ti: "typeid ",
  tr: "throw",
  tw: "throw ",
};

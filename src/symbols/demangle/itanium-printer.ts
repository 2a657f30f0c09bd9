import { printExpression } from "./itanium-expression-printer.js";
import { forEachChild, type EncodingNode, type FunctionNode, type Node } from "./itanium-node.js";
import { failure, MAX_DEPTH, MAX_OUTPUT, MAX_STEPS } from "./limits.js";

/**
 * Writes a tree of nodes in C++ syntax, as GNU c++filt does. C++ declarators wrap around what they declare, so each type
 * has a left part and a right part: `int (*` and `)(char)`.
 */
export class Printer {
  #text = "";
  #last = "";
  #steps = 0;
  #depth = 0;
  /** Which element of a parameter pack is being printed. */
  #packIndex = 0;
  #full = false;

  /** The name, cut where it became too long. */
  get text(): string {
    return this.#full ? `${this.#text.slice(0, MAX_OUTPUT - 1)}…` : this.#text;
  }

  append(text: string): void {
    if (text === "" || this.#full) return;
    this.#text += text;
    this.#last = text.charAt(text.length - 1);
    if (this.#text.length > MAX_OUTPUT) this.#full = true;
  }

  print(node: Node): void {
    this.#visit(() => {
      this.#left(node);
      this.#right(node);
    });
  }

  printList(items: readonly Node[]): void {
    this.#printEach(items.length, (index) => this.print(items[index]));
  }

  /** Items with ", " between them; those that print nothing (empty packs) have no comma either. */
  #printEach(count: number, printItem: (index: number) => void): void {
    for (let index = 0; index < count && !this.#full; index++) {
      const text = this.#text;
      if (index > 0) this.append(", ");
      const { length } = this.#text;
      printItem(index);
      // #last stays what it was made: c++filt writes `A<B<C>>` where an empty pack was dropped, and `A<B<C> >` elsewhere.
      if (index > 0 && this.#text.length === length && !this.#full) this.#text = text;
    }
  }

  /** In parentheses, unless it is a name. */
  printOperand(node: Node): void {
    const target = this.resolve(node);
    const simple = target.kind === "text" || target.kind === "nested" || target.kind === "braced";
    if (!simple) this.append("(");
    this.print(target);
    if (!simple) this.append(")");
  }

  /** The elements of the pack that the pattern is expanded over, or undefined when it has none. */
  packOf(pattern: Node): readonly Node[] | undefined {
    let found: readonly Node[] | undefined;
    const search = (node: Node): void => {
      if (found !== undefined) return;
      this.#visit(() => {
        if (node.kind === "parameter" && node.target?.kind === "pack") found = node.target.elements;
        else if (node.kind !== "expansion" && node.kind !== "lambda") forEachChild(node, search);
      });
    };
    search(pattern);
    return found;
  }

  #visit(work: () => void): void {
    if (this.#full) return;
    if (++this.#steps > MAX_STEPS || this.#depth >= MAX_DEPTH) throw failure;
    this.#depth++;
    work();
    this.#depth--;
  }

  /** What stands behind template parameters: the node that decides how a type is written. */
  resolve(node: Node): Node {
    for (let hops = 0; node.kind === "parameter"; hops++) {
      const target: Node | undefined =
        node.target?.kind === "pack" ? node.target.elements[this.#packIndex] : node.target;
      if (target === undefined || hops > 100) throw failure;
      node = target;
    }
    return node;
  }

  #left(unresolved: Node): void {
    if (this.#full) return;
    const node = this.resolve(unresolved);
    switch (node.kind) {
      case "text":
      case "abbreviation":
        return this.append(node.text);
      case "nested":
        this.print(node.scope);
        this.append("::");
        return this.print(node.name);
      case "tagged":
        this.print(node.name);
        return this.append(`[abi:${node.tag}]`);
      case "template":
        this.print(node.name);
        return this.#templateArgs(node.args);
      case "structor":
        if (node.destructor) this.append("~");
        return this.print(node.className);
      case "conversion":
        this.append("operator ");
        return this.print(node.type);
      case "lambda":
        this.append("{lambda(");
        this.printList(node.params);
        return this.append(`)#${node.number}}`);
      case "local":
        this.print(node.scope);
        this.append("::");
        return this.print(node.name);
      case "encoding":
        return this.#encoding(node);
      case "special":
        this.append(node.prefix);
        return this.print(node.target);
      case "construction-vtable":
        this.append("construction vtable for ");
        this.print(node.base);
        this.append("-in-");
        return this.print(node.whole);
      case "suffixed":
        this.print(node.inner);
        return this.append(node.suffix);
      case "pack":
        return this.printList(node.elements);
      case "expansion":
        return this.#expansion(node.pattern);
      case "expression":
      case "literal":
      case "list":
      case "braced":
        return printExpression(this, node);
      default:
        return this.#visit(() => this.#declaratorLeft(node));
    }
  }

  /** The left part of types that wrap others. */
  #declaratorLeft(node: Node): void {
    switch (node.kind) {
      case "qualified": {
        this.#left(node.inner);
        // `T const` with `T` = `int const` is `int const`.
        const inner = this.resolve(node.inner);
        const there = inner.kind === "qualified" ? inner.qualifiers : [];
        for (const qualifier of node.qualifiers) if (!there.includes(qualifier)) this.append(qualifier);
        return;
      }
      case "pointer":
        this.#wrapLeft(node.inner);
        return this.append("*");
      case "reference": {
        const { inner, rvalue } = this.#collapse(node);
        this.#wrapLeft(inner);
        return this.append(rvalue ? "&&" : "&");
      }
      case "member-pointer":
        this.#wrapLeft(node.inner);
        if (this.#last !== "(") this.append(" ");
        this.print(node.scope);
        return this.append("::*");
      case "function":
        this.#left(node.result);
        if (!this.#hasRight(node.result)) this.append(" ");
        return;
      case "array":
        return this.#left(node.inner);
      case "vector":
        this.print(node.inner);
        this.append(" __vector(");
        this.print(node.length);
        return this.append(")");
      default:
        throw failure;
    }
  }

  #right(unresolved: Node): void {
    if (this.#full) return;
    const node = this.resolve(unresolved);
    switch (node.kind) {
      case "qualified":
        return this.#visit(() => this.#right(node.inner));
      case "pointer":
      case "member-pointer":
        return this.#visit(() => this.#wrapRight(node.inner));
      case "reference":
        return this.#visit(() => this.#wrapRight(this.#collapse(node).inner));
      case "function":
        return this.#visit(() => this.#signature(node));
      case "array":
        return this.#visit(() => {
          if (this.#last !== "]") this.append(" ");
          this.append("[");
          if (node.bound !== undefined) this.print(node.bound);
          this.append("]");
          this.#right(node.inner);
        });
      default:
        return;
    }
  }

  /** A pointer to an array or a function needs parentheses around its star. */
  #wrapLeft(inner: Node): void {
    this.#left(inner);
    const target = this.#unqualified(inner);
    if (target.kind === "function") this.append("(");
    else if (target.kind === "array") this.append(" (");
  }

  #wrapRight(inner: Node): void {
    const target = this.#unqualified(inner);
    if (target.kind === "function" || target.kind === "array") this.append(")");
    this.#right(inner);
  }

  /** What the qualifiers are on: an array of const elements is an array. */
  #unqualified(unresolved: Node): Node {
    let node = this.resolve(unresolved);
    for (let hops = 0; node.kind === "qualified"; hops++) {
      if (hops > MAX_DEPTH) throw failure;
      node = this.resolve(node.inner);
    }
    return node;
  }

  #hasRight(unresolved: Node): boolean {
    let node = this.resolve(unresolved);
    for (let hops = 0; hops < MAX_DEPTH; hops++) {
      if (node.kind === "function" || node.kind === "array") return true;
      if (
        node.kind !== "pointer" &&
        node.kind !== "reference" &&
        node.kind !== "member-pointer" &&
        node.kind !== "qualified"
      ) {
        return false;
      }
      node = this.resolve(node.inner);
    }
    return false;
  }

  /** References to references: one `&` among them makes it `&`. */
  #collapse(node: Extract<Node, { kind: "reference" }>): { inner: Node; rvalue: boolean } {
    let { inner, rvalue } = node;
    for (let hops = 0; hops < MAX_DEPTH; hops++) {
      const target = this.resolve(inner);
      if (target.kind !== "reference") break;
      rvalue = rvalue && target.rvalue;
      inner = target.inner;
    }
    return { inner, rvalue };
  }

  #signature(node: FunctionNode): void {
    this.append("(");
    this.printList(node.params);
    this.append(")");
    this.#right(node.result);
    for (const qualifier of node.qualifiers) this.append(qualifier);
    if (node.exception !== undefined) this.print(node.exception);
  }

  #encoding(node: EncodingNode): void {
    if (node.result !== undefined) {
      this.#left(node.result);
      if (!this.#hasRight(node.result)) this.append(" ");
    }
    this.print(node.name);
    if (node.params !== undefined) {
      this.append("(");
      this.printList(node.params);
      this.append(")");
    }
    if (node.result !== undefined) this.#right(node.result);
    this.append(node.qualifiers);
  }

  #templateArgs(args: readonly Node[]): void {
    // `operator< <int>` and `> >`: tokens that would run together.
    if (this.#last === "<") this.append(" ");
    this.append("<");
    this.printList(args);
    if (this.#last === ">") this.append(" ");
    this.append(">");
  }

  #expansion(pattern: Node): void {
    const elements = this.packOf(pattern);
    if (elements === undefined) {
      this.printOperand(pattern);
      return this.append("...");
    }
    const outer = this.#packIndex;
    this.#printEach(elements.length, (index) => {
      this.#packIndex = index;
      this.print(pattern);
    });
    this.#packIndex = outer;
  }
}

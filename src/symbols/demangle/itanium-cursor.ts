import type { Node, ParameterNode } from "./itanium-node.js";
import { failure, MAX_DEPTH, MAX_READS } from "./limits.js";

const LAMBDA_SCOPE = {};

/** A place in a mangled name, and the tables that its rest refers back to. */
export class Cursor {
  position = 0;
  /** Components that `S_`, `S0_`, … stand for, in the order in which they ended, each with what its `T_` belonged to. */
  readonly substitutions: { readonly node: Node; readonly scope: object }[] = [];
  /** What `T_`, `T0_`, … stand for: the arguments of the template whose name was read last in this encoding. */
  templateArgs: Node[] = [];
  /** Parameters that came before their arguments did (conversion operators), to be tied when the name has ended. */
  forwardParameters: ParameterNode[] | undefined = undefined;
  /** Inside the type of a conversion operator, where `T_` are parameters of a template not read yet. */
  insideConversion = false;
  /** Whether arguments after `T_` are its own; after a conversion operator's type they are the operator's. */
  parametersTakeArgs = true;
  /** Inside the parameters of a generic lambda, whose `T_` are its own. */
  insideLambda = 0;
  #depth = 0;
  #reads = 0;

  constructor(readonly text: string) {}

  /** The character `ahead` of the position; "" past the end. */
  peek(ahead = 0): string {
    return this.text.charAt(this.position + ahead);
  }

  startsWith(prefix: string): boolean {
    return this.text.startsWith(prefix, this.position);
  }

  /** Moves past `token` when it is next. */
  accept(token: string): boolean {
    if (!this.startsWith(token)) return false;
    this.position += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.accept(token)) throw failure;
  }

  next(): string {
    if (this.position >= this.text.length) throw failure;
    return this.text.charAt(this.position++);
  }

  /** Goes back to where `attempt` began, when it answers undefined. */
  attempt<T>(attempt: () => T | undefined): T | undefined {
    const { position } = this;
    const { length } = this.substitutions;
    const result = attempt();
    if (result !== undefined) return result;
    this.position = position;
    this.substitutions.length = length;
    return undefined;
  }

  get atEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** A decimal number without sign; fails when there is none or it passes what a name can mean. */
  number(): number {
    let value = 0;
    const start = this.position;
    for (;;) {
      const digit = this.text.charCodeAt(this.position) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      if (value > 1e6) throw failure;
      this.position++;
    }
    if (this.position === start) throw failure;
    return value;
  }

  /** `_` is 0, `0_` is 1, …: a sequence number of decimal digits. */
  sequence(): number {
    if (this.accept("_")) return 0;
    const value = this.number() + 1;
    this.expect("_");
    return value;
  }

  /** Reads one level deeper; names that nest without end are refused. */
  nested<T>(read: (cursor: Cursor) => T): T {
    if (++this.#depth > MAX_DEPTH || ++this.#reads > MAX_READS) throw failure;
    const result = read(this);
    this.#depth--;
    return result;
  }

  addSubstitution(node: Node): Node {
    this.substitutions.push({ node, scope: this.scope });
    return node;
  }

  /** What `T_` belongs to here: the same object for as long as it stands for the same. */
  get scope(): object {
    if (this.insideLambda > 0) return LAMBDA_SCOPE;
    return this.insideConversion && this.forwardParameters !== undefined ? this.forwardParameters : this.templateArgs;
  }
}

const ARGUMENTS = "<...>";
/** What may follow `operator`: first what `<` and `>` are part of, longest first. */
const OPERATORS = /<=>|<<=|>>=|->\*|<<|>>|<=|>=|->|<|>|[-+*/%^&|~!=,]+|\(\)/y;
const OPERATOR = "operator";

/**
 * A readable name with template and generic arguments left out: `std::vector<int, std::allocator<int> >::size() const` →
 * `std::vector<...>::size() const`, `<alloc::vec::Vec<u8> as core::fmt::Debug>::fmt` → `<alloc::vec::Vec<...> as core::fmt::Debug>::fmt`.
 * One whose brackets do not pair stays as it is. Time grows with the name's length.
 */
export function shortArguments(name: string): string {
  if (!name.includes("<")) return name;
  let kept = "";
  let from = 0;
  for (let at = 0; at < name.length; at++) {
    const operatorEnd = endOfOperator(name, at);
    if (operatorEnd > at) at = name.startsWith(" <", operatorEnd) ? operatorEnd + 1 : operatorEnd;
    else if (!opensArguments(name, at)) continue;
    if (name[at] !== "<") {
      at--; // the name goes on after its operator
      continue;
    }
    const end = endOfArguments(name, at);
    if (end < 0) return name.endsWith("…") ? `${kept}${name.slice(from, at)}${ARGUMENTS}…` : name;
    kept += name.slice(from, at) + ARGUMENTS;
    from = end;
    at = end - 1;
  }
  return kept + name.slice(from);
}

/** Behind `operator<<` at this place, or -1. `operator T<int>` is one of another kind. */
function endOfOperator(name: string, at: number): number {
  if (name[at] !== "o" || !name.startsWith(OPERATOR, at) || isWord(name.charCodeAt(at - 1))) return -1;
  const symbol = at + OPERATOR.length;
  OPERATORS.lastIndex = symbol;
  return OPERATORS.test(name) ? OPERATORS.lastIndex : -1;
}

/** `x<`, `x[abi:cxx11]<`, `x::<`; of Rust's `<T as U>` and of a comparison neither. */
function opensArguments(name: string, at: number): boolean {
  if (name[at] !== "<" || at === 0) return false;
  const before = name.charCodeAt(at - 1);
  return isWord(before) || before > 0x7f || ":]}$".includes(name[at - 1]);
}

/** Behind the `>` that closes the arguments, or -1. */
function endOfArguments(name: string, start: number): number {
  const open: string[] = [];
  for (let at = start; at < name.length; at++) {
    const operatorEnd = endOfOperator(name, at);
    if (operatorEnd > at) {
      at = operatorEnd - 1;
      continue;
    }
    const character = name[at];
    if (character === "'" && name[at + 2] === "'") at += 2;
    else if (character === "(" || (character === "<" && (at === start || name[at - 1] !== ")"))) open.push(character);
    else if (character === ")") {
      // What is between parentheses and opens nothing was a comparison.
      while (open.length > 1 && open.pop() !== "(");
    } else if (character === ">" && open[open.length - 1] === "<" && name[at - 1] !== "-") {
      open.pop();
      if (open.length === 0) return at + 1;
    }
  }
  return -1;
}

function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a)
  );
}

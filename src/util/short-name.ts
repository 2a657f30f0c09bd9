/**
 * Forms of a function's name from the whole to the shortest that still says which function it is: without parameters
 * and template arguments, without the return type, then without one enclosing scope after another. What is left out at
 * the front shows as an ellipsis. `a::b::C<int>::d(char*)` → `a::b::C::d`, `…b::C::d`, `…C::d`, `…d`.
 */
export function shorterNames(name: string): string[] {
  const forms = [name];
  const bare = withoutReturnType(withoutArguments(name));
  if (bare !== name) forms.push(bare);
  const [parts, separator] = scopesOf(bare);
  // Of Rust's `<a::T as b::Trait>::f` the type says more than the trait.
  const implemented = /^<(.+) as .+>$/.exec(parts[0]);
  const scopes = implemented ? [...splitOutside(implemented[1], "::"), ...parts.slice(1)] : parts;
  for (let from = implemented ? 0 : 1; from < scopes.length; from++) {
    forms.push(`…${scopes.slice(from).join(separator)}`);
  }
  return forms;
}

/** The longest form that fits so many characters; when none does, the shortest, whose beginning is all there is to show. */
export function shortName(name: string, characters: number): string {
  if (name.length <= characters) return name;
  const forms = shorterNames(name);
  return forms.find((form) => form.length <= characters) ?? forms[forms.length - 1].replace(/^…(?=.)/, "");
}

/** Parameters `(…)` and template arguments `x<…>`; not `(anonymous namespace)`, `operator()`, `operator<`, `<T as U>`. */
function withoutArguments(name: string): string {
  let kept = "";
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    const character = name[i];
    if (depth === 0) {
      if (opensArguments(name, i)) depth = 1;
      else kept += character;
    } else if (character === "<" || character === "(") depth++;
    // The arrow of `operator->` or of a Rust closure's type closes nothing.
    else if ((character === ">" && name[i - 1] !== "-") || character === ")") depth--;
  }
  // Brackets that do not pair are not arguments: better the whole name than a wrong one.
  if (depth !== 0 || kept === "") return name;
  // What `f::<T>` and `f() const` leave behind.
  return kept.replaceAll("::::", "::").replace(/(?<=.)(::| const| volatile|&)+$/, "");
}

function opensArguments(name: string, at: number): boolean {
  const before = name.slice(0, at);
  if (name[at] === "<") return /(\w|::)$/.test(before) && !before.endsWith("operator");
  if (name[at] !== "(" || before === "" || before.endsWith("operator")) return false;
  return !name.startsWith("(anonymous namespace)", at) && !/(^|[.:\s])$/.test(before);
}

/** Demanglers write a template function's return type before its name: `bool ns::f`. */
function withoutReturnType(name: string): string {
  if (name.includes("operator")) return name;
  const space = lastOutside(name, " ");
  return space > 0 && name.indexOf("::", space) > 0 && !name.includes("/") ? name.slice(space + 1) : name;
}

/** A::b::c, com.example.A.b (not gcc's f.part.0), or example.com/module/package.(*T).f, and what joins the parts. */
function scopesOf(name: string): readonly [readonly string[], string] {
  if (name.includes("::")) return [splitOutside(name, "::"), "::"];
  if (/^\w[\w.-]*\.\w+\/[^\s]+$/.test(name)) return [name.split("/"), "/"];
  if (/^[a-z]\w*(\.[A-Za-z_$][\w$]*){2,}$/.test(name)) return [name.split("."), "."];
  return [[name], ""];
}

/** Where the text stands last outside all brackets, or -1. */
function lastOutside(name: string, text: string): number {
  const parts = splitOutside(name, text);
  return parts.length === 1 ? -1 : name.length - parts[parts.length - 1].length - text.length;
}

function splitOutside(name: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < name.length; i++) {
    if ("<([{".includes(name[i])) depth++;
    else if (">)]}".includes(name[i]) && depth > 0) depth--;
    else if (depth === 0 && name.startsWith(separator, i)) {
      parts.push(name.slice(from, i));
      from = i + separator.length;
      i = from - 1;
    }
  }
  return [...parts, name.slice(from)].filter((part, index) => index > 0 || part !== "");
}

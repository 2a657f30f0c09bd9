import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { demangle } from "#src/symbols/demangle/demangle.js";
import { MAX_OUTPUT } from "#src/symbols/demangle/limits.js";
import { shortArguments } from "#src/symbols/demangle/short-arguments.js";
import { mangledNames } from "../../oracle/compare-names.js";

const SHORT: Readonly<Record<string, string>> = {
  "std::vector<int, std::allocator<int> >::size() const": "std::vector<...>::size() const",
  "void f<int, double>(int&&, std::map<int, A<B> > const&)": "void f<...>(int&&, std::map<...> const&)",
  "std::__cxx11::list<int>::insert[abi:cxx11]<char>()": "std::__cxx11::list<...>::insert[abi:cxx11]<...>()",
  "auto main::{lambda(auto:1)#1}::operator()<int>(int) const":
    "auto main::{lambda(auto:1)#1}::operator()<...>(int) const",
  "bool A<int>::operator< <int>(int)": "bool A<...>::operator< <...>(int)",
  "std::ostream& operator<< <char>(std::ostream&, B<int>)": "std::ostream& operator<< <...>(std::ostream&, B<...>)",
  "std::ostream& operator<<<char>(std::ostream&)": "std::ostream& operator<<<...>(std::ostream&)",
  "A::operator<=>(A const&) const": "A::operator<=>(A const&) const",
  "A::operator->() const": "A::operator->() const",
  "A::operator std::vector<int>() const": "A::operator std::vector<...>() const",
  "my_operator<int>::f()": "my_operator<...>::f()",
  "std::enable_if<((3)>(2)), int>::type g<4>()": "std::enable_if<...>::type g<...>()",
  "decltype ((f(1))->(b)) h<decltype (a->b)>(X<(1)<(2)>)": "decltype ((f(1))->(b)) h<...>(X<...>)",
  "f<&A::operator> >(int)": "f<...>(int)",
  "(anonymous namespace)::run<int>()": "(anonymous namespace)::run<...>()",
  "foo<int>(int) [clone .constprop.0]": "foo<...>(int) [clone .constprop.0]",
  "<alloc::vec::Vec<u8> as core::fmt::Debug>::fmt": "<alloc::vec::Vec<...> as core::fmt::Debug>::fmt",
  "<&T as core::convert::Into<U>>::into::<u8>": "<&T as core::convert::Into<...>>::into::<...>",
  "core::iter::adapters::map::map_fold::<fn(u8) -> u32, _>::{closure#0}":
    "core::iter::adapters::map::map_fold::<...>::{closure#0}",
  "<[u8; 16] as core::hash::Hash>::hash<H>": "<[u8; 16] as core::hash::Hash>::hash<...>",
  "c::f::<'>', 3>": "c::f::<...>",
  main: "main",
  "std::vector<std::pair<int, …": "std::vector<...>…",
  "a<b": "a<b",
  "<module>": "<module>",
};

describe("a readable name without arguments", () => {
  for (const [full, short] of Object.entries(SHORT)) it(short, () => assert.equal(shortArguments(full), short));

  it("has none left in any name of libstdc++ and node, and pairs its brackets", () => {
    const [file] = execFileSync("sh", ["-c", "ldconfig -p | sed -n 's/.*libstdc++.so.6 .*=> //p'"], {
      encoding: "utf8",
    }).split("\n");
    let names = 0;
    for (const mangled of [...mangledNames(file), ...mangledNames(process.execPath)]) {
      const full = demangle(mangled);
      const short = shortArguments(full);
      names++;
      if (short === full && !full.includes("<")) continue;
      const rest = short.replaceAll("<...>", "").replace(/operator(<=>|<<=|>>=|->\*|<<|>>|<=|>=|->|<|>)/g, "");
      assert.doesNotMatch(rest.replaceAll("->", ""), /[<>]/, `${mangled}\n${full}\n${short}`);
    }
    assert.ok(names > 50_000, `${names} names`);
  });

  it("is never longer but for its marks, and costs little, whatever the name is", () => {
    const token = fc.constantFrom(
      "a",
      "<",
      ">",
      "(",
      ")",
      " ",
      "::",
      "operator",
      "->",
      "…",
      "'",
      "<'>'>",
      "{",
      "}",
      "é",
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
        const name = tokens.join("");
        const marks = shortArguments(name).split("<...>").length;
        assert.ok(shortArguments(name).length <= name.length + 5 * marks);
      }),
      { numRuns: 3000 },
    );
    for (const hostile of [
      "a<".repeat(MAX_OUTPUT / 2),
      "a<(".repeat(1365),
      "operator<".repeat(455),
      "a<>".repeat(1365),
    ]) {
      const start = performance.now();
      shortArguments(hostile);
      assert.ok(performance.now() - start < 1000, hostile.slice(0, 20));
    }
  });
});

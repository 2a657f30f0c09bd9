import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { shorterNames, shortName } from "#src/util/short-name.js";

const cases: readonly (readonly [string, readonly string[]])[] = [
  ["malloc", []],
  ["uv__async_io.part.0", []],
  ["fib.py:run", []],
  ["route /app/lib/server.js:42", []],
  ["main(int, char**)", ["main"]],
  ["a::b::C<int, D<char> >::d(char*) const", ["a::b::C::d", "…b::C::d", "…C::d", "…d"]],
  [
    "bool v8::internal::(anonymous namespace)::Compile<true>(v8::X)",
    [
      "v8::internal::(anonymous namespace)::Compile",
      "…internal::(anonymous namespace)::Compile",
      "…(anonymous namespace)::Compile",
      "…Compile",
    ],
  ],
  ["ns::operator<<(std::ostream&, int)", ["ns::operator<<", "…operator<<"]],
  ["ns::F::operator()(int) const", ["ns::F::operator()", "…F::operator()", "…operator()"]],
  [
    "<alloc::vec::Vec<T> as core::ops::Drop>::drop",
    ["<alloc::vec::Vec as core::ops::Drop>::drop", "…alloc::vec::Vec::drop", "…vec::Vec::drop", "…Vec::drop", "…drop"],
  ],
  ["core::ptr::drop_in_place::<[u8; 16]>", ["core::ptr::drop_in_place", "…ptr::drop_in_place", "…drop_in_place"]],
  ["github.com/a/b/pkg.(*T).Serve", ["…a/b/pkg.(*T).Serve", "…b/pkg.(*T).Serve", "…pkg.(*T).Serve"]],
  ["com.example.Route.find", ["…example.Route.find", "…Route.find", "…find"]],
];

for (const [name, shorter] of cases) {
  test(`shortens ${name}`, () => assert.deepEqual(shorterNames(name), [name, ...shorter]));
}

test("the longest form that fits is taken", () => {
  assert.equal(shortName("a::b::C<int>::d(char*)", 40), "a::b::C<int>::d(char*)");
  assert.equal(shortName("a::b::C<int>::d(char*)", 10), "a::b::C::d");
  assert.equal(shortName("a::b::C<int>::d(char*)", 8), "…b::C::d");
  assert.equal(shortName("a::b::C<int>::d(char*)", 1), "d");
});

test("no name breaks it, and none becomes empty or longer", () => {
  const token = fc.constantFrom(
    "::",
    "<",
    ">",
    "(",
    ")",
    "operator",
    " ",
    "a",
    "Bc",
    ".",
    "/",
    "->",
    "[",
    "]",
    "🔥",
    "const",
  );
  fc.assert(
    fc.property(fc.array(token, { minLength: 1, maxLength: 30 }), fc.nat({ max: 40 }), (tokens, characters) => {
      const name = tokens.join("");
      const short = shortName(name, characters);
      assert.ok(short.length > 0 && short.length <= name.length + 1);
    }),
  );
});

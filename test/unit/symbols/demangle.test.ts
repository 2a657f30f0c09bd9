import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { demangle } from "#src/symbols/demangle/demangle.js";
import { MAX_OUTPUT } from "#src/symbols/demangle/limits.js";
import { decodePunycode } from "#src/symbols/demangle/punycode.js";
import { compareNames, mangledNames } from "../../oracle/compare-names.js";

/** Mangled and readable, one pair of lines each. */
function pairs(text: string): [string, string][] {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return Array.from({ length: lines.length / 2 }, (_, index) => [lines[2 * index], lines[2 * index + 1]]);
}

describe("C++ names", () => {
  const written = pairs(String.raw`
    _Z3fooi
    foo(int)
    _ZNK3Foo3barEv.constprop.0
    Foo::bar() const [clone .constprop.0]
    _Z3fooi.isra.0.cold
    foo(int) [clone .isra.0] [clone .cold]
    _Z3foov.llvm.1234567
    foo() [clone .llvm.1234567]
    _ZNSsC1ERKSs
    std::basic_string<char, std::char_traits<char>, std::allocator<char> >::basic_string(std::string const&)
    _ZSt4endlIcSt11char_traitsIcEERSt13basic_ostreamIT_T0_ES6_
    std::basic_ostream<char, std::char_traits<char> >& std::endl<char, std::char_traits<char> >(std::basic_ostream<char, std::char_traits<char> >&)
    _ZZ4mainENKUlvE_clEv
    main::{lambda()#1}::operator()() const
    _ZZ4mainENKUlT_E_clIiEEDaS_
    auto main::{lambda(auto:1)#1}::operator()<int>(int) const
    _ZSt7forwardIZ4mainEUlOT_E7_ES1_RNSt16remove_referenceIS0_E4typeE
    main::{lambda(auto:1&&)#9}&& std::forward<main::{lambda(auto:1&&)#9}>(std::remove_reference<main::{lambda(auto:1&&)#9}>::type&)
    _ZNSt6threadC1IZ4mainEUlvE4_JEvEEOT_DpOT0_
    std::thread::thread<main::{lambda()#6}, void>(main::{lambda()#6}&&)
    _ZN12_GLOBAL__N_13runEv
    (anonymous namespace)::run()
    _Z1fPFPKcRA4_iEM1AFvvE
    f(char const* (*)(int (&) [4]), void (A::*)())
    _ZN1AcvT_IPKcEEv
    A::operator char const*<char const*>()
    _Z1fIJidEEvDpOT_
    void f<int, double>(int&&, double&&)
    _ZN1AltIiEEbT_
    bool A::operator< <int>(int)
    _ZTV3Foo
    vtable for Foo
    _ZThn16_N3Foo3barEv
    non-virtual thunk to Foo::bar()
    _ZGVZ1fvE1x
    guard variable for f()::x
    _ZNSt7__cxx114listIiSaIiEE6insertB5cxx11Ev
    std::__cxx11::list<int, std::allocator<int> >::insert[abi:cxx11]()
    _Z1fILin3ELb1ELm5EEvv
    void f<-3, true, 5ul>()
    _ZdlPvm
    operator delete(void*, unsigned long)
    _ZN1AD0Ev
    A::~A()
    _Z3fooi@plt
    foo(int)@plt
    _Z3fooi@@VERS_1
    foo(int)
  `);
  for (const [mangled, readable] of written) {
    it(readable, () => assert.equal(demangle(mangled), readable));
  }

  it("agree with c++filt on every name in libstdc++", () => {
    const [file] = execFileSync("sh", ["-c", "ldconfig -p | sed -n 's/.*libstdc++.so.6 .*=> //p'"], {
      encoding: "utf8",
    }).split("\n");
    const comparison = compareNames(mangledNames(file));
    assert.ok(comparison.names > 4000, `${comparison.names} names in ${file}`);
    assert.deepEqual(comparison.differences, []);
  });

  it("agree with c++filt on expressions and declarators", () => {
    // What compilers make of templates whose types are computed; libstdc++ exports few such.
    const names = pairs(String.raw`
      _ZN4llvm17make_filter_rangeIRNS_10BasicBlockESt8functionIFbRNS_11InstructionEEEEENS_14iterator_rangeINS_20filter_iterator_implIDTclsr3stdE5beginclsr3stdE7declvalIRT_EEEET0_NS_6detail15fwd_or_bidi_tagISC_E4typeEEEEEOSA_SD_
      x
      _ZN4node10BaseObject16InternalFieldSetILi3EXadL_ZNK2v85Value10IsFunctionEvEEEEvNS2_5LocalINS2_6StringEEENS4_IS3_EERKNS2_20PropertyCallbackInfoIvEE
      x
      _Z1fIiEDTcmfp_Li1EET_
      x
      _Z1fIiEvRAT__KiPFivEM1AFvvE
      x
      _Z1fIJidEEvDpPFT_vE
      x
      _Z1fIiEvPFiT_EDTgsnw_S0_EEE
      x
      _ZN6icu_726number4impl10MicroPropsC1EOS2_
      x
      _Z1fILb1EEvPN1AIXaaT_Lb0EEE1BE
      x
      _Z1gIiEvN1AIXsr1BIT_E1vEEE
      x
      _ZSt16__insertion_sortIPPN2v88internal10RegExpTreeEN9__gnu_cxx5__ops15_Iter_comp_iterIZNS1_8ZoneListIS3_E10StableSortIPFiPKS3_SC_EEEvT_mmEUlRSB_SG_E_EEEvSF_SF_T0_
      x
      _Z1fIJilEEvRAsZT__c
      x
      _Z1fIiEvDv4_T_
      x
    `).map(([mangled]) => mangled);
    assert.deepEqual(compareNames(names).differences, []);
  });
});

describe("Rust names", () => {
  // The right-hand sides are those of the crate rustc-demangle, written without hashes.
  const written = pairs(String.raw`
    _RNvC6_123foo3bar
    123foo::bar
    _RNCNvCs4fqI2P2rA04_11alloc_types4main0.llvm.1A2B
    alloc_types::main::{closure#0}
    _RINvCs3fZMFbg1rvm_6blake321compress_subtree_wideNtNtB2_4join10SerialJoinEB2_
    blake3::compress_subtree_wide::<blake3::join::SerialJoin>
    _RINvNtC3std3mem8align_ofFUKCEuE
    std::mem::align_of::<unsafe extern "C" fn()>
    _RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate
    <std::path::PathBuf>::new
    _RINvMNtC1a1bINtB3_3FooplE3newKj7b_E
    <a::b::Foo<_, i32>>::new::<123>
    _RNvXs_C1aINtB4_3FooAhj4_ENtB4_5Trait3run
    <a::Foo<[u8; 4]> as a::Trait>::run
    _RMC0INtC8arrayvec8ArrayVechKja_E
    <arrayvec::ArrayVec<u8, 10>>
    _RINvC1c4funcDINtC4core4IterhEp4ItemRNtC1c1XEL_E
    c::func::<dyn core::Iter<u8, Item = &c::X>>
    _RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y
    utf8_idents::საჭმელად_გემრიელი_სადილი
    _RIC0Kc2202_E
    ::<'∂'>
    _RIC0KRe616263_E
    ::<{"abc"}>
    _ZN4core3ptr85drop_in_place$LT$std..rt..lang_start$LT$$LP$$RP$$GT$..$u7b$$u7b$closure$u7d$$u7d$$GT$17h0123456789abcdefE
    core::ptr::drop_in_place<std::rt::lang_start<()>::{{closure}}>
    _ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h3b7c5d2f1e9a8b60E.llvm.12345
    <&T as core::fmt::Debug>::fmt
    _ZN3std6thread5local4fast12Key$LT$T$GT$14try_initialize17h5f3a2c1d4e6b7a89E.cold
    std::thread::local::fast::Key<T>::try_initialize.cold
  `);
  for (const [mangled, readable] of written) {
    it(readable, () => assert.equal(demangle(mangled), readable));
  }

  it("decode Punycode as RFC 3492 has it", () => {
    assert.equal(decodePunycode("Mnchen_3ya"), "München");
    assert.equal(decodePunycode("ihqwcrb4cv8a8dqg056pqjye"), "他们为什么不说中文");
    assert.equal(decodePunycode("a_!"), undefined);
    assert.equal(decodePunycode("99999999"), undefined);
  });
});

describe("other names", () => {
  const plain = [
    "main",
    "",
    "_start",
    "__libc_start_main",
    "runtime.main",
    "f.constprop.0.isra.1",
    "f.cold",
    "f.llvm.123",
  ];
  const swift = ["$s4main3fooyyF", "$S4main3fooyyF", "_$s4main3fooyyF", "_T04main3fooyyF"];
  const others = ["_D3std5stdio6writelnFZv", "camlStdlib__List__map_42", "_Z", "_ZN", "_R", "_ZZZZ", "_RNvC"];
  for (const name of [...plain, ...swift, ...others]) {
    it(`stay: "${name}"`, () => assert.equal(demangle(name), name));
  }
  it("lose their version and keep what stub they are", () => {
    assert.equal(demangle("memcpy@@GLIBC_2.14"), "memcpy");
    assert.equal(demangle("memcpy@plt"), "memcpy@plt");
    assert.equal(demangle("@"), "@");
  });
});

describe("hostile names", () => {
  const sequence = (index: number) => (index === 0 ? "S_" : `S${(index - 1).toString(36).toUpperCase()}_`);
  const steps = (count: number, step: (index: number) => string) => Array.from({ length: count }, (_, at) => step(at));
  const hostile: Record<string, string> = {
    "types that double": `_Z1f1AIiE${steps(300, (at) => `S_I${sequence(at + 1)}${sequence(at + 1)}E`).join("")}`,
    "empty packs that double": `_Z1fIJEEv1AIJEE${steps(300, (at) => `S_IJ${sequence(at + 1)}${sequence(at + 1)}EE`).join("")}`,
    "a chain of substitutions": `_Z1fPi${steps(4000, (at) => `P${sequence(at)}`).join("")}`,
    "a chain of parameters": `_Z1fIi${steps(3000, (at) => (at === 0 ? "T_" : `T${at - 1}_`)).join("")}EvNT2999_C1E`,
    "deep pointers": `_Z1f${"P".repeat(30_000)}i`,
    "deep templates": `_Z1f${"N1AI".repeat(5000)}i${"EE".repeat(5000)}`,
    "deep expressions": `_Z1fIX${"ng".repeat(10_000)}Li1EEEvv`,
    "deep encodings": `_Z${"Z".repeat(10_000)}1fvE1g`,
    "nested expansions": `_Z1fIJiiiiEEv${"Dp".repeat(300)}T_`,
    "a length beyond the end": "_ZN999999999999999999999a",
    "names that can be read in two ways": `_Z1fIX${"sr1AIX".repeat(100)}Li1E${"EE1v".repeat(100)}EEvv`,
    "scopes that alternate": `_Z1fI${"Z1gIiEvPT_EUlPT_E_".repeat(20)}E${steps(2000, (at) => sequence(at % 60)).join("")}`,
    "deep Rust types": `_RMC0${"TRS".repeat(8000)}u`,
    "a Rust back reference to itself": "_RMC0RB2_",
    "Rust lifetimes without end": "_RMC0FGZZZZZZZZZZ_Eu",
  };
  for (const [what, name] of Object.entries(hostile)) {
    it(`cost little: ${what}`, () => {
      const start = performance.now();
      assert.ok(demangle(name).length <= MAX_OUTPUT);
      // A thousand times what it takes on an idle machine.
      assert.ok(performance.now() - start < 5000);
    });
  }

  it("of any kind give a name of bounded length and no exception", () => {
    const token = fc.constantFrom(
      ..."_ZNKSt3fooC1D0IEJXLTT_T0_S_S0_DpDTclcvfp_sr2ngplRPOFvAilUlUtE1aBcxx11.cold$uRNvCMXYB2_s_GKu0123456789h@".match(
        /[A-Z][a-z0-9]?_?|[a-z0-9.$@_]/g,
      )!,
    );
    const name = fc.tuple(
      fc.constantFrom("_Z", "_ZN", "_R", "_RNv", "_RIC1a", "_Z1fI", "_ZZ"),
      fc.array(token, { maxLength: 60 }),
    );
    fc.assert(
      fc.property(name, ([prefix, tokens]) => {
        assert.ok(demangle(prefix + tokens.join("")).length <= MAX_OUTPUT + 4);
      }),
      { numRuns: 5000 },
    );
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => demangle(`_Z${text}`).length >= 0));
  });

  it("made from real ones by small damage are no worse", () => {
    const real =
      "_ZNSt16__insertion_sortIPPN2v88internal10RegExpTreeEN9__gnu_cxx5__ops15_Iter_comp_iterIZNS1_8ZoneListIS3_E10StableSortIPFiPKS3_SC_EEEvT_mmEUlRSB_SG_E_EEEvSF_SF_T0_";
    fc.assert(
      fc.property(
        fc.nat(real.length - 1),
        fc.nat(real.length - 1),
        fc.constantFrom("S", "E", "I", "T", "P", "_", "N", "1", "K", "p"),
        (cut, put, character) => {
          const damaged = real.slice(0, put) + character + real.slice(put + 1, cut) + real.slice(cut + 1);
          assert.ok(demangle(damaged).length <= MAX_OUTPUT);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

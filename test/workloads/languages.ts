import type { CallTree } from "../support/call-tree.js";
import { inMain, type Workload } from "../support/workload.js";
import { FLAGS } from "./c.js";

/** Below here anything of the language's own library may be called. */
const LIBRARY: CallTree = { "/.*/": "anything" };

const EXCEPTIONS: CallTree = inMain({
  "exceptions::run(unsigned long)": {
    "exceptions::guard(int)": {
      "void exceptions::nest<5>(unsigned long*, int)": {
        "void exceptions::nest<4>(unsigned long*, int)": {
          "void exceptions::nest<3>(unsigned long*, int)": {
            "void exceptions::nest<2>(unsigned long*, int)": {
              "void exceptions::nest<1>(unsigned long*, int)": {
                "void exceptions::nest<0>(unsigned long*, int)": {
                  "exceptions::thrower(int)": LIBRARY,
                  ...LIBRARY,
                },
                ...LIBRARY,
              },
              ...LIBRARY,
            },
            ...LIBRARY,
          },
          ...LIBRARY,
        },
        ...LIBRARY,
      },
      ...LIBRARY,
    },
    "exceptions::calm(unsigned long)": { "exceptions::calm_leaf(unsigned long)": {} },
  },
});

const TEMPLATES: CallTree = inMain({
  "zoo::run(unsigned long)": {
    "zoo::sorting(unsigned long)": {
      "zoo::sort_items(std::vector<zoo::Item, std::allocator<zoo::Item> >&)": {
        "/void std::__(introsort_loop|insertion_sort|final_insertion_sort|unguarded_linear_insert|adjust_heap|move_median_to_first)<.*|zoo::ByKey::operator\\(\\)\\(zoo::Item const&, zoo::Item const&\\) const/":
          "anything",
        ...LIBRARY,
      },
    },
    "zoo::virtual_calls(zoo::Animal const&, unsigned long)": {
      "zoo::Cat::speak(unsigned long) const": {},
      "zoo::Cow::speak(unsigned long) const": {},
    },
    "zoo::call_function(std::function<unsigned long (unsigned long)> const&, unsigned long)": {
      "/std::_Function_handler<unsigned long \\(unsigned long\\), zoo::run\\(unsigned long\\)::\\{lambda\\(unsigned long\\)#1\\}>::_M_invoke\\(.*/":
        { "zoo::lambda_leaf(unsigned long)": {} },
    },
    "zoo::Walker<unsigned long, std::map>::walk(std::map<unsigned long, unsigned long, std::less<unsigned long>, std::allocator<std::pair<unsigned long const, unsigned long> > > const&, unsigned long)":
      {},
  },
});

function cxx(
  name: string,
  compiler: string,
  sources: string,
  tree: CallTree,
  branches: Record<string, string>,
): Workload {
  return { name, sources, build: [[compiler, ...FLAGS, "-o", `OUT/${name}`, `${sources}.cc`]], tree, branches };
}

const EXCEPTION_BRANCHES = { throwing: "exceptions::guard(int)", calm: "exceptions::calm(unsigned long)" };
const TEMPLATE_BRANCHES = {
  sorting: "zoo::sorting(unsigned long)",
  virtual: "zoo::virtual_calls(zoo::Animal const&, unsigned long)",
  lambda: "zoo::call_function(std::function<unsigned long (unsigned long)> const&, unsigned long)",
  template:
    "zoo::Walker<unsigned long, std::map>::walk(std::map<unsigned long, unsigned long, std::less<unsigned long>, std::allocator<std::pair<unsigned long const, unsigned long> > > const&, unsigned long)",
};

export const CXX: readonly Workload[] = [
  cxx("exceptions", "g++", "exceptions", EXCEPTIONS, EXCEPTION_BRANCHES),
  cxx("exceptions-cl", "clang++", "exceptions", EXCEPTIONS, EXCEPTION_BRANCHES),
  cxx("templates", "g++", "templates", TEMPLATES, TEMPLATE_BRANCHES),
  {
    name: "exceptions-st",
    sources: "exceptions",
    build: [["g++", ...FLAGS, "-static", "-o", "OUT/exceptions-st", "exceptions.cc"]],
    tree: EXCEPTIONS,
    branches: EXCEPTION_BRANCHES,
  },
];

/** Legacy mangling ends in a hash, which a demangler may or may not leave out; v0 may name the crate with its hash. */
const HASH = "(::h[0-9a-f]{16})?";
const CRATE = "rust(\\[[0-9a-f]+\\])?";

function rust(name: string, ...options: string[]): Workload {
  const named = (path: string): string => `/${CRATE}::${path}${HASH}/`;
  const shapes = (path: string): string => named(`shapes::${path}`);
  const body: CallTree = {
    [named("run")]: {
      [shapes("iterators")]: { [shapes("fold_all(::<.*>)?")]: { [shapes("closure_leaf")]: {} } },
      [shapes("dynamic")]: {
        [`/<${CRATE}::shapes::(Circle|Square) as ${CRATE}::shapes::Shape>::area${HASH}/`]: {},
      },
      [shapes("catches")]: LIBRARY,
      [shapes("generic")]: {
        [`/(<?${CRATE}::shapes::Pair<.*>>?)::combine${HASH}/`]: {},
      },
    },
    ...LIBRARY,
  };
  return {
    name,
    sources: "rust",
    build: [
      [
        "rustc",
        "-C",
        "opt-level=3",
        "-C",
        "panic=unwind",
        "-C",
        "force-frame-pointers=no",
        ...options,
        "-o",
        `OUT/${name}`,
        "rust.rs",
      ],
    ],
    tree: { [named("main")]: body },
    branches: {
      iterators: shapes("iterators"),
      dynamic: shapes("dynamic"),
      panics: shapes("catches"),
      generic: shapes("generic"),
    },
  };
}

export const RUST: readonly Workload[] = [
  rust("rust-legacy"),
  rust("rust-v0", "-C", "symbol-mangling-version=v0"),
  rust("rust-static", "-C", "symbol-mangling-version=v0", "-C", "target-feature=+crt-static"),
];

const SPEND = "main.spend";
const GO_TREE: CallTree = {
  "main.run": {
    [SPEND]: {
      "main.alpha": { "main.alphaLeaf": {} },
      "main.(*Beta).Call": { "main.betaLeaf": {} },
      "main.(*Beta).Call-fm": { "main.(*Beta).Call": { "main.betaLeaf": {} } },
      "main.cpuNs": "anything",
    },
    "main.caller.Call-fm": { "main.(*Beta).Call": { "main.betaLeaf": {} } },
    "/(runtime|main)\\..*/": "anything",
  },
  "main.inGoroutine": { [SPEND]: { "main.gammaLeaf": {}, "main.cpuNs": "anything" }, "/runtime\\..*/": "anything" },
  "main.main": "anything",
  /* The scheduler and the collector have stacks of their own. */
  "/runtime\\.(mstart.*|mcall|systemstack|morestack|rt0_go|goexit|main)(\\.abi0)?/": "anything",
};

export const GO: readonly Workload[] = [
  {
    name: "go",
    sources: "go",
    build: [["go", "build", "-o", "OUT/go", "."]],
    tree: GO_TREE,
    branches: { alpha: "main.alpha", beta: "main.(*Beta).Call", gamma: "main.gammaLeaf" },
  },
  {
    name: "go-stripped",
    sources: "go",
    build: [["go", "build", "-buildmode=pie", "-ldflags=-s -w", "-o", "OUT/go-stripped", "."]],
    tree: GO_TREE,
    branches: { alpha: "main.alpha", beta: "main.(*Beta).Call", gamma: "main.gammaLeaf" },
  },
  {
    name: "cgo",
    sources: "cgo",
    build: [["go", "build", "-o", "OUT/cgo", "."]],
    tree: {
      "main.run": {
        [SPEND]: {
          "main.callsC": {
            "/main\\._Cfunc_c_enter(\\.abi0)?/": {
              "/runtime\\.cgocall(\\.abi0)?/": {
                "/runtime\\.asmcgocall(\\.abi0)?/": {
                  "/_cgo_[0-9a-f]+_Cfunc_c_enter/": { c_enter: { c_leaf: {} } },
                  "/runtime\\..*/": "anything",
                },
                "/runtime\\..*/": "anything",
              },
            },
            "/runtime\\..*/": "anything",
          },
          "main.inGo": {},
          "main.cpuNs": "anything",
        },
        "/runtime\\..*/": "anything",
      },
      "main.main": "anything",
      "/crosscall1|runtime\\.(mstart.*|mcall|systemstack|morestack|rt0_go|goexit|main)(\\.abi0)?/": "anything",
    },
    branches: { c: "c_enter", go: "main.inGo" },
  },
];

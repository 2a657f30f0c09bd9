import { inMain, type Workload } from "../support/workload.js";
import { nested, type CallTree } from "../support/call-tree.js";

/** What every workload is compiled with: no frame pointer anywhere. */
export const FLAGS = ["-O2", "-fomit-frame-pointer", "-g0"];

function c(name: string, sources: string, ...extra: string[]): readonly string[] {
  return ["gcc", ...FLAGS, "-o", `OUT/${name}`, `${sources}.c`, ...extra];
}

const SPLIT_TREE = inMain({ run: { alpha: { alpha_leaf: {} }, beta: { beta_middle: { beta_leaf: {} } } } });
const SPLIT_BRANCHES = { alpha: "alpha", beta: "beta" };

export function split(name: string, build: readonly (readonly string[])[], more: Partial<Workload> = {}): Workload {
  return { name, sources: "split", build, tree: SPLIT_TREE, branches: SPLIT_BRANCHES, ...more };
}

/** One source, linked and compiled in each of the ways that differ for an unwinder. */
export const LINKED: readonly Workload[] = [
  split("split-pie", [c("split-pie", "split", "-pie", "-fPIE")]),
  split("split-exec", [c("split-exec", "split", "-no-pie", "-fno-pie")]),
  split("split-static", [c("split-static", "split", "-static")]),
  split("split-spie", [c("split-spie", "split", "-static-pie")]),
  split("split-clang", [["clang", ...FLAGS, "-o", "OUT/split-clang", "split.c"]]),
  split("split-O3-cet", [c("split-O3-cet", "split", "-O3", "-fcf-protection=full")]),
  /* clang can leave CFI in .debug_frame only, as embedded and kernel code does. */
  split("split-dbgframe", [
    [
      "gcc",
      "-O2",
      "-fomit-frame-pointer",
      "-g",
      "-fno-asynchronous-unwind-tables",
      "-fno-unwind-tables",
      "-o",
      "OUT/split-dbgframe",
      "split.c",
    ],
  ]),
  split("split-stripped", [c("split-full", "split"), ["strip", "-o", "OUT/split-stripped", "OUT/split-full"]], {
    unstripped: "split-full",
  }),
  split("split-musl", [["musl-gcc", ...FLAGS, "-static", "-o", "OUT/split-musl", "split.c"]]),
];

function recursion(levels: number): Workload {
  const name = `recursion-${levels}`;
  return {
    name,
    sources: "recursion",
    build: [c(name, "recursion")],
    args: [String(levels)],
    tree: inMain({ run: { ...nested("descend", levels, { bottom: {} }), shallow: {} } }),
    branches: { deep: "descend", shallow: "shallow" },
  };
}

const PLT_LEAF = "/(plt[a-z-]*\\+0x[0-9a-f]+|.*@plt|.*plt.*\\+0x.*)/";
const STUB = "/stub_[0-7][0-7]/";

function plt(name: string, ...extra: string[]): Workload {
  return {
    name,
    sources: "plt",
    build: [
      ["gcc", ...FLAGS, "-shared", "-fPIC", "-o", "OUT/libstubs.so", "stubs.c"],
      c(name, "plt", ...extra, "-Wl,-z,lazy", "-Wl,-z,norelro", "-LOUT", "-lstubs", "-Wl,-rpath,$ORIGIN"),
    ].map((command) => [...command]),
    tree: inMain({
      run: {
        call_stubs: { [PLT_LEAF]: {}, [STUB]: {} },
        bind_stubs: { "/.*/": "anything" },
      },
    }),
    branches: { call: "call_stubs", bind: "bind_stubs" },
  };
}

const LIBRARY: CallTree = { "/.*/": "anything" };

export const SHAPES: readonly Workload[] = [
  recursion(60),
  recursion(400),
  {
    name: "late-dlopen",
    sources: "late-dlopen",
    build: [
      ["gcc", ...FLAGS, "-shared", "-fPIC", "-o", "OUT/libplugin.so", "plugin.c"],
      c("late-dlopen", "late-dlopen"),
    ],
    tree: inMain({
      run: {
        before: {},
        plugin_enter: { plugin_leaf: {}, plugin_calls_back: { host_callback: {} } },
        "/(dl.*|libc\\.so.*|ld-linux.*)/": "anything",
      },
    }),
    branches: { before: "before", plugin: "plugin_leaf", callback: "plugin_calls_back" },
  },
  {
    name: "threads",
    sources: "threads",
    build: [c("threads", "threads", "-pthread")],
    comms: ["threads", "thr-alpha", "thr-beta", "thr-short"],
    tree: {
      enter_alpha: { alpha_leaf: {} },
      enter_beta: { beta_leaf: {} },
      enter_short: { short_leaf: {} },
      main: LIBRARY,
      /* A thread that is starting or ending is in libc only. */
      "/clone3?|__clone3?|libc\\.so.*/": "anything",
    },
    branches: { alpha: "enter_alpha", beta: "enter_beta", short: "enter_short" },
  },
  ...["signal", "sigaltstack"].map((name): Workload => {
    const handler: CallTree = { handler: { handler_leaf: {} } };
    const frame = "/(__restore_rt|libc\\.so\\.6\\+0x[0-9a-f]+)/";
    return {
      name,
      sources: "signal",
      build: [c(name, "signal")],
      args: name === "signal" ? [] : ["altstack"],
      ...(name === "signal" ? {} : { warm: "a first sight carries a copy of one stack only" }),
      tree: inMain({
        run: {
          [frame]: handler,
          /* The tick may find the signal on its way into the clock. */
          "/.*(clock_gettime|vdso).*/": { [frame]: handler },
          interrupted: { [frame]: handler },
        },
        [frame]: handler,
      }),
      branches: { handler: "handler", interrupted: "interrupted" },
    };
  }),
  {
    name: "frames",
    sources: "frames",
    build: [c("frames", "frames")],
    tree: inMain({
      run: {
        with_alloca: { leaf: {} },
        with_vla: { leaf: {} },
        with_alignment: { leaf: {} },
        with_big_frame: { leaf: {} },
        jumps_back: {
          "/.*(setjmp|sigjmp).*|libc\\.so.*/": {},
          calls_never_returns: { never_returns: { leaf: {}, "/.*longjmp.*|libc\\.so.*/": "anything" } },
        },
        ...nested("fibonacci", 20, {}),
      },
    }),
    branches: {
      alloca: "with_alloca",
      vla: "with_vla",
      alignment: "with_alignment",
      big_frame: "with_big_frame",
      noreturn: "jumps_back",
      fibonacci: "fibonacci",
    },
  },
  plt("plt-classic"),
  plt("plt-sec", "-fcf-protection=full", "-Wl,-z,ibtplt"),
  {
    name: "coroutine",
    sources: "coroutine",
    build: [c("coroutine", "coroutine")],
    tree: {
      main: { run: { plain: {}, "/swapcontext|libc\\.so.*/": "anything" } },
      coroutine_enter: { coroutine_leaf: {}, "/swapcontext|libc\\.so.*/": "anything" },
    },
    branches: { coroutine: "coroutine_enter", plain: "plain" },
  },
  ...["private", "memfd", "shared"].map((kind): Workload => {
    const name = `jit-${kind}`;
    return {
      name,
      sources: "jit",
      build: [c(name, "jit")],
      args: [kind],
      tree: inMain({
        run: {
          enter_generated: {
            "jitted calls": { generated_calls: {} },
            "jitted trampoline": { generated_calls: {} },
            "jitted loop": {},
            jitted_outer: { "app.Some.jitted_inner": {} },
          },
        },
      }),
      branches: { calls: "jitted calls", trampoline: "jitted trampoline", loops: "jitted loop", inner: "jitted_outer" },
      warm: "a first sight has no code with it, to see that a frame pointer is not set up yet",
    };
  }),
  {
    name: "vdso",
    sources: "vdso",
    build: [c("vdso", "vdso")],
    tree: inMain({ run: { read_clock: LIBRARY, other: {} } }),
    branches: { clock: "read_clock", other: "other" },
  },
];

export const SYSTEM: readonly Workload[] = [
  {
    name: "kernel",
    sources: "kernel",
    build: [c("kernel", "kernel")],
    tree: inMain({
      run: {
        read_zeros: { "/(__)?read|libc\\.so.*/": {} },
        touch_pages: { "/(__)?(mmap|munmap)(64)?|libc\\.so.*/": {} },
        enter_kernel: { "/syscall|libc\\.so.*/": {} },
      },
    }),
    branches: { read: "read_zeros", faults: "touch_pages", enter: "enter_kernel" },
  },
  {
    name: "libc-asm",
    sources: "libc-asm",
    build: [c("libc-asm", "libc-asm")],
    tree: inMain({
      run: {
        copies: LIBRARY,
        measures: LIBRARY,
        fills: LIBRARY,
        sorts: { "/.*/": "anything" },
      },
    }),
    branches: { copy: "copies", measure: "measures", fill: "fills", sort: "sorts" },
  },
  /* Debian's musl is compiled without unwind tables, as Alpine's is: its rows come from its code. */
  ...[["musl-static", "-static"], ["musl-dynamic"]].map(([name, ...extra]): Workload => ({
    name,
    sources: "musl",
    build: [["musl-gcc", ...FLAGS, "-fno-asynchronous-unwind-tables", "-o", `OUT/${name}`, "musl.c", ...extra]],
    tree: inMain({
      run: {
        prints: LIBRARY,
        sorts: { compare: {}, "/.*/": "anything" },
        copies: LIBRARY,
        searches: LIBRARY,
        allocates: LIBRARY,
      },
    }),
    branches: { print: "prints", sort: "sorts", copy: "copies", search: "searches", allocate: "allocates" },
  })),
  {
    name: "crypto",
    sources: "crypto",
    build: [c("crypto", "crypto", "-lcrypto")],
    tree: inMain({
      run: { digest: LIBRARY, encrypt: LIBRARY, exponentiate: LIBRARY, multiply_point: LIBRARY, "/.*/": "anything" },
    }),
    branches: { digest: "digest", encrypt: "encrypt", exponentiate: "exponentiate", point: "multiply_point" },
  },
  {
    name: "exec-first",
    sources: "exec",
    build: [c("exec-first", "first"), c("exec-second", "second")],
    comms: ["exec-first", "exec-second"],
    tree: inMain({
      run: { before_fork: {}, in_child: {}, "/.*/": "anything" },
      second_run: { second_leaf: {} },
      "/(__)?(execl|execve)|libc\\.so.*/": "anything",
    }),
    branches: { before: "before_fork", child: "in_child", second: "second_run" },
  },
];

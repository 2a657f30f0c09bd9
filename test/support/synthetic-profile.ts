import type { CodeKind, Profile } from "#src/model/profile.js";
import { ProfileBuilder } from "./profile-builder.js";

interface Program {
  readonly comm: string;
  readonly kind: CodeKind;
  readonly root: readonly string[];
  readonly style: (words: readonly string[]) => string;
}

const PROGRAMS: readonly Program[] = [
  { comm: "nginx", kind: "native", root: ["_start", "__libc_start_main", "main"], style: (w) => `ngx_${w.join("_")}` },
  {
    comm: "postgres",
    kind: "native",
    root: ["_start", "main", "PostmasterMain"],
    style: (w) => w.map(capital).join(""),
  },
  {
    comm: "clickhouse",
    kind: "native",
    root: ["_start", "main"],
    style: (w) => `DB::${capital(w[0])}<${w[1]}>::${w[2]}(unsigned long)`,
  },
  {
    comm: "tokio-rt",
    kind: "native",
    root: ["clone3", "start_thread"],
    style: (w) => `<app::${w[0]}::${capital(w[1])} as Service>::${w[2]}`,
  },
  {
    comm: "node",
    kind: "jit",
    root: ["_start", "main", "node::Start"],
    style: (w) => `${w[0]}${capital(w[1])} /app/lib/${w[2]}.js:42`,
  },
  { comm: "python3", kind: "interpreter", root: ["_start", "Py_BytesMain"], style: (w) => w.join("_") },
  {
    comm: "java",
    kind: "jit",
    root: ["clone3", "start_thread", "JavaMain"],
    style: (w) => `com.example.${w[0]}.${capital(w[1])}.${w[2]}`,
  },
  {
    comm: "kworker/u4:2",
    kind: "kernel",
    root: ["ret_from_fork", "kthread", "worker_thread"],
    style: (w) => w.join("_"),
  },
];

const WORDS =
  "read write parse hash lookup insert merge copy flush encode decode match walk alloc free lock wait poll queue batch " +
  "index scan sort filter join plan route send recv buffer page block inode dentry socket packet frame token node tree";

const SYSCALL = ["entry_SYSCALL_64_after_hwframe", "do_syscall_64"];

/**
 * A profile as a busy node gives it, with exactly so many distinct stacks: random walks over call graphs, a few heavy
 * paths and a long tail. The same seed makes the same profile.
 */
export function syntheticProfile(distinctStacks: number, seed = 1): Profile {
  const random = randomNumbers(seed);
  const builder = new ProfileBuilder({ durationNs: 60_000_000_000n });
  const words = WORDS.split(" ");
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)];
  const kernel = Array.from({ length: 400 }, () => {
    return builder.location([`${pick(words)}_${pick(words)}_${pick(words)}`], "[kernel.kallsyms]", "kernel");
  });
  const syscall = SYSCALL.map((name) => builder.location([name], "[kernel.kallsyms]", "kernel"));

  const programs = PROGRAMS.map((program) => {
    const { comm, kind, root, style } = program;
    const file = kind === "kernel" ? "[kernel.kallsyms]" : kind === "jit" ? "[anon]" : `/usr/bin/${comm}`;
    const names = new Set(Array.from({ length: 900 }, () => style([pick(words), pick(words), pick(words)])));
    const rootKind = kind === "kernel" ? "kernel" : "native";
    return {
      comm,
      kind,
      root: root.map((name) => builder.location([name], kind === "jit" ? `/usr/bin/${comm}` : file, rootKind)),
      functions: [...names].map((name) => builder.location([name], file, kind)),
    };
  });

  const seen = new Set<string>();
  while (seen.size < distinctStacks) {
    const program = programs[Math.floor(random() ** 2 * programs.length)];
    const path = [...program.root];
    // A function's callees follow from it, the first much likelier than the last, so that walks share their beginnings.
    let at = Math.floor(random() ** 6 * 12);
    const depth = 6 + Math.floor(random() * 34);
    for (let i = 0; i < depth; i++) {
      path.push(program.functions[at % program.functions.length]);
      at = (at * 31 + 17 + Math.floor(random() ** 5 * 6)) % program.functions.length;
    }
    if (program.kind !== "kernel" && random() < 0.35) {
      path.push(...syscall);
      let call = Math.floor(random() ** 3 * 40);
      for (let i = 0; i < 3 + random() * 8; i++) {
        path.push(kernel[call]);
        call = (call * 7 + 3 + Math.floor(random() ** 4 * 4)) % kernel.length;
      }
    }
    const key = path.join(" ");
    if (seen.has(key)) continue;
    seen.add(key);
    builder.addFrames(program.comm, path, 1 + Math.floor(0.5 / (random() + 0.002)));
  }
  return builder.build();
}

function capital(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}

/** Numbers in [0, 1): Marsaglia's xorshift, 32 bits. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

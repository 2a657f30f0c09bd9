import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NameCache } from "#src/naming/name-cache.js";
import { resolveKernelSymbols } from "#src/symbols/kallsyms.js";
import { BusyBpfProgram } from "../support/bpf-program.js";
import { recordWhile } from "../support/record.js";

/** What this kernel says of its own names. */
export interface GuestSymbols {
  /** Of check, by kptr_restrict. */
  readonly findings: Readonly<
    Record<string, { readonly status: string; readonly found: string; readonly advice: string }>
  >;
  /** Names of a function of a module: while it is not loaded, loaded, and gone again; and how often the list was read. */
  readonly ofModule: readonly string[];
  readonly passes: number;
  /** Kernel functions with a module in them, of a recording that began before the module was loaded and the program. */
  readonly recorded: readonly string[];
}

const BUSYBOX = "/run/busybox";
const KPTR_RESTRICT = "/proc/sys/kernel/kptr_restrict";
/** A module that nothing needs; the one it needs, which later kernels have built in, comes first. A file whose reading is work in it. */
const MODULES = { rng_core: "rng-core.ko", virtio_rng: "virtio-rng.ko" };
const NAME = "virtio_rng";
const FUNCTION = "virtio_read";
const FILE = "/dev/hwrng";

/** Of a kernel whose modules are loaded from this initramfs. */
export async function tellSymbols(initramfs: string): Promise<GuestSymbols> {
  const findings: Record<string, GuestSymbols["findings"][string]> = {};
  for (const level of ["2", "1", "0"]) {
    writeFileSync(KPTR_RESTRICT, level);
    const { stdout } = spawnSync(process.execPath, ["dist/main.js", "check", "--json"], { encoding: "utf8" });
    const all = (JSON.parse(stdout) as { findings: readonly ({ id: string } & GuestSymbols["findings"][string])[] })
      .findings;
    const { status, found, advice } = all.find(({ id }) => id === "kernel-symbols")!;
    findings[level] = { status, found, advice };
  }

  const files = moduleFiles(initramfs);
  unload();
  let passes = 0;
  const cache = new NameCache(
    {
      symbolize: () => Promise.reject(new Error("not asked")),
      kernel: (addresses) => {
        passes++;
        return Promise.resolve(resolveKernelSymbols(addresses));
      },
    },
    1 << 20,
  );
  const nameAt = async (address: bigint): Promise<string> => {
    const { nameIndices, moduleIndices, names, modules } = await cache.kernel(BigUint64Array.of(address));
    return nameIndices[0] < 0 ? "" : `${modules[moduleIndices[0]]}!${names[nameIndices[0]].name}`;
  };
  load(files);
  const address = addressOf(FUNCTION);
  const ofModule: string[] = [];
  for (let window = 0; window < 3; window++) ofModule.push(await nameAt(address));
  unload();
  ofModule.push(await nameAt(address));

  const program = new BusyBpfProgram();
  const { stacks } = await recordWhile({ frequency: 199, args: ["--comm", "dd", "bpftool"] }, async () => {
    load(files);
    program.start();
    const reader = spawn("dd", [`if=${FILE}`, "of=/dev/null", "bs=4096"], { stdio: "ignore" });
    const closed = once(reader, "close");
    await sleep(8000);
    reader.kill();
    await closed;
    await program.dispose();
  });
  const frames = stacks.flatMap((stack) => stack.frames);
  const recorded = [...new Set(frames.filter((frame) => frame.includes("!") && frame.endsWith("_[k]")))];
  return { findings, ofModule, passes, recorded };
}

function moduleFiles(initramfs: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "modules-"));
  execFileSync("sh", ["-c", `${BUSYBOX} zcat "$0" | ${BUSYBOX} cpio -idm`, initramfs], {
    cwd: folder,
    stdio: "ignore",
  });
  const names = readdirSync(join(folder, "modules"));
  const found = Object.values(MODULES).flatMap((module) => names.find((name) => name.endsWith(module)) ?? []);
  return found.map((name) => join(folder, "modules", name));
}

function load(files: readonly string[]): void {
  for (const file of files) execFileSync(BUSYBOX, ["insmod", file], { stdio: ["ignore", "ignore", "inherit"] });
}

function unload(): void {
  const loaded = readFileSync("/proc/modules", "latin1");
  for (const module of Object.keys(MODULES).toReversed()) {
    if (loaded.includes(`${module} `)) {
      execFileSync(BUSYBOX, ["rmmod", module], { stdio: ["ignore", "ignore", "inherit"] });
    }
  }
}

function addressOf(name: string): bigint {
  const line = readFileSync("/proc/kallsyms", "latin1")
    .split("\n")
    .find((one) => one.includes(` ${name}\t[${NAME}]`));
  return BigInt(`0x${line?.split(" ")[0] ?? "0"}`);
}

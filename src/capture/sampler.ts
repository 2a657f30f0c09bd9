import { readFileSync } from "node:fs";
import type { CgroupHierarchy } from "../model/cgroup.js";
import { counters, hierarchy, program, type CounterName } from "../native/abi.generated.js";
import type { Session } from "../native/addon.js";
import type { Native } from "../native/load.js";
import { SampleCursor } from "../native/sample-cursor.js";
import { u32Bytes } from "../util/u32-bytes.js";
import { parseCpuList } from "./cpu-list.js";

export interface SamplerOptions {
  /** Ticks a second on each CPU at the start, 1 to 100,000; 0 for a start at rest. */
  readonly frequencyHz: number;
  /** A power of two. */
  readonly ringBytes: number;
  /** Executables, and tables, the kernel side has room for. */
  readonly executables: number;
  /** Only these processes; all when empty. */
  readonly pids: readonly number[];
  /** Only threads of these names, at most 15 bytes each; all when empty. */
  readonly comms: readonly string[];
  /** In which hierarchy the cgroup of a task is looked up: hostCgroupHierarchy() says where the containers are. */
  readonly hierarchy: CgroupHierarchy;
  /** Of cgroups that nobody has spoken of yet one tick in so many is sampled: 1, or 0, none, where they have to opt in. */
  readonly defaultDivisor: number;
}

/** The map with {@link SamplerOptions.defaultDivisor}; its one key. */
export const DEFAULT_DIVISOR = { map: "default_divisor", key: new Uint8Array(4) } as const;

/** Takes one drained batch; the cursor is reused, so nothing of it may be kept. */
export type TakeBatch = (cursor: SampleCursor, byteLength: number) => void;

const BATCH_BYTES = 256 << 10;
/** The ring's reader is woken at this share of it; a quarter leaves time for a loop that is late. */
const WAKEUP_SHARE = 4;
/** Below the wake-up mark the ring is looked at this often, so that a live view is live. */
const POLL_MS = 250;
/** CPUs that come online are attached within this time. */
const CPU_SCAN_MS = 2000;
/** Batches taken in one turn of the event loop; then others have theirs. */
const BATCHES_PER_TURN = 16;
/** Every sample of a CPU may be a first sight while the first tables are made; the ring bounds the bytes. */
const FIRST_SIGHTS_PER_SECOND = 1000;
const COMM_BYTES = 16;

const ON_TICK = "on_tick";
/** Slots by the names of programs: unwindNative is unwind_native. */
const TAIL_CALLS = Object.fromEntries(
  Object.entries(program)
    .filter(([name]) => name !== "count")
    .map(([name, slot]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), slot]),
);

/** The kernel side while it samples or rests: loaded, attached to every online CPU, drained on this thread. */
export class Sampler {
  readonly session: Session;
  private readonly batch = new Uint8Array(BATCH_BYTES);
  private readonly cursor = new SampleCursor(this.batch);
  private readonly attached = new Set<number>();
  private readonly everAttached = new Set<number>();
  /** The rest of a drain that was too long for one turn. */
  private nextTurn: NodeJS.Immediate | undefined;
  private pollTimer: NodeJS.Timeout | undefined;
  private scanTimer: NodeJS.Timeout | undefined;
  private readonly statistics: BigUint64Array;
  private hz: number;
  private started = false;

  /** Loads the programs; throws a NativeError, with nothing left behind, where the kernel refuses. */
  constructor(
    { addon, objectPath }: Native,
    private readonly options: SamplerOptions,
    private readonly take: TakeBatch,
  ) {
    this.hz = options.frequencyHz;
    const cpus = addon.possibleCpus();
    this.session = addon.createSession({
      objectPath,
      mapEntries: {
        ring: options.ringBytes,
        statistics: cpus,
        first_sight_buffers: cpus,
        executables: options.executables,
        tables: options.executables,
        pids: Math.max(1, options.pids.length),
        comms: Math.max(1, options.comms.length),
      },
      constants: {
        filter_pids: u32Bytes(options.pids.length > 0 ? 1 : 0),
        filter_comms: u32Bytes(options.comms.length > 0 ? 1 : 0),
        first_sights_per_second: u32Bytes(FIRST_SIGHTS_PER_SECOND),
        wakeup_bytes: u32Bytes(options.ringBytes / WAKEUP_SHARE),
        ring_bytes: u32Bytes(options.ringBytes),
        cgroup_hierarchy: u32Bytes(hierarchy[options.hierarchy]),
      },
      skipPrograms: [],
    });
    try {
      this.session.load(TAIL_CALLS);
      this.session.updateElement(DEFAULT_DIVISOR.map, DEFAULT_DIVISOR.key, u32Bytes(options.defaultDivisor));
      this.fillFilters();
      this.statistics = new BigUint64Array(this.session.mapMemory("statistics"));
    } catch (error) {
      this.session.close();
      throw error;
    }
  }

  /** Starts to sample and to drain. */
  start(): void {
    this.session.onReadable(() => {
      this.drain();
    });
    this.started = true;
    if (this.hz > 0) this.tick();
  }

  /** Ticks a second on each CPU; 0 at rest. */
  get frequencyHz(): number {
    return this.hz;
  }

  /**
   * Ticks come so often from now on (1 to 100,000 a second), or not at all (0): at rest nothing of this wakes up, in the
   * kernel or here. No sample is lost: before a rest begins, all of them are taken. Throws a NativeError where the kernel
   * refuses.
   *
   * A rate is changed in place, 16 us a CPU; the next tick is a whole period away. For a rest the CPUs are let go and
   * attached anew, which costs less than to disable and enable them (12 us against 46), and is right for CPUs that went
   * offline and came back meanwhile.
   */
  setFrequency(frequencyHz: number): void {
    if (frequencyHz === this.hz) return;
    const wasResting = this.hz === 0;
    this.hz = frequencyHz;
    if (!this.started) return;
    if (frequencyHz === 0) this.rest();
    else if (wasResting) this.tick();
    else this.session.setFrequency(frequencyHz);
  }

  /** Stops sampling and takes what the ring still holds. */
  stop(): void {
    this.started = false;
    this.rest();
  }

  private tick(): void {
    this.attachOnlineCpus();
    this.pollTimer = setInterval(() => {
      this.drain();
    }, POLL_MS);
    this.scanTimer = setInterval(() => {
      this.attachOnlineCpus();
    }, CPU_SCAN_MS);
  }

  private rest(): void {
    clearImmediate(this.nextTurn);
    clearInterval(this.pollTimer);
    clearInterval(this.scanTimer);
    for (const cpu of this.attached) {
      this.session.detach(cpu);
    }
    this.attached.clear();
    this.flush();
  }

  /** Takes all that the ring holds, at once; what comes meanwhile, up to another ring's worth. */
  flush(): void {
    let more = true;
    for (let bytes = 0; more && bytes <= 2 * this.options.ringBytes; bytes += this.batch.length) {
      more = this.drainOnce();
    }
  }

  close(): void {
    this.session.close();
  }

  /** CPUs that were sampled at some time. */
  get cpus(): number {
    return this.everAttached.size;
  }

  /** The kernel side's counters, summed over CPUs. */
  counters(): Record<CounterName, number> {
    const sums = Object.fromEntries(counters.map(({ name }) => [name, 0])) as Record<CounterName, number>;
    for (let row = 0; row + counters.length <= this.statistics.length; row += counters.length) {
      for (const [column, { name }] of counters.entries()) {
        sums[name] += Number(this.statistics[row + column]);
      }
    }
    return sums;
  }

  private drain(): void {
    for (let turn = 0; turn < BATCHES_PER_TURN; turn++) {
      if (!this.drainOnce()) {
        return;
      }
    }
    clearImmediate(this.nextTurn);
    this.nextTurn = setImmediate(() => {
      this.drain();
    });
  }

  private drainOnce(): boolean {
    const { bytes, more } = this.session.drain(this.batch);
    this.take(this.cursor, bytes);
    return more;
  }

  private attachOnlineCpus(): void {
    const online = parseCpuList(readFileSync("/sys/devices/system/cpu/online", "latin1"));
    for (const cpu of online) {
      if (!this.attached.has(cpu)) {
        this.session.attach(ON_TICK, cpu, this.hz);
        this.attached.add(cpu);
        this.everAttached.add(cpu);
      }
    }
    // The kernel has let go of the event of a CPU that went offline: it is attached anew when it comes back.
    for (const cpu of this.attached) {
      if (!online.includes(cpu)) {
        this.session.detach(cpu);
        this.attached.delete(cpu);
      }
    }
  }

  private fillFilters(): void {
    const yes = Uint8Array.of(1);
    for (const pid of this.options.pids) {
      this.session.updateElement("pids", u32Bytes(pid), yes);
    }
    for (const comm of this.options.comms) {
      const key = new Uint8Array(COMM_BYTES);
      key.set(Buffer.from(comm).subarray(0, COMM_BYTES - 1));
      this.session.updateElement("comms", key, yes);
    }
  }
}

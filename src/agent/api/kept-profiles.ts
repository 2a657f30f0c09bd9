import type { Exporter, ExportResult } from "../../exporters/exporter.js";
import type { LabelledProfile } from "../../model/labelled-profile.js";

/** A profile of a window that is over, as it is kept. */
export interface KeptProfile {
  /** "20261121T142000Z-17": its window's start, and a number of its own. */
  readonly id: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly labelled: Omit<LabelledProfile, "profile">;
  readonly samples: number;
  /** Gzipped pprof. */
  readonly pprof: Uint8Array;
}

/** Its objects and labels, of most profiles less. */
const OWN_BYTES = 2048;

/** The last windows' profiles, for whoever asks; the oldest go beyond a budget of bytes. An exporter like any other. */
export class KeptProfiles implements Exporter {
  readonly name = "memory";
  private readonly byId = new Map<string, KeptProfile>();
  private next = 0;
  /** Held now. */
  bytes = 0;

  constructor(
    readonly maxBytes: number,
    private readonly encode: (labelled: LabelledProfile) => Promise<Uint8Array>,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  /** The newest first. */
  all(): readonly KeptProfile[] {
    return [...this.byId.values()].reverse();
  }

  find(id: string): KeptProfile | undefined {
    return this.byId.get(id);
  }

  async export(
    { startNs, endNs, profiles }: Parameters<Exporter["export"]>[0],
    signal: AbortSignal,
  ): Promise<ExportResult> {
    const failed: Record<string, number> = {};
    let exported = 0;
    let bytes = 0;
    for (const labelled of profiles) {
      const pprof = signal.aborted ? "aborted" : await this.encode(labelled).catch(() => "encoding-failed" as const);
      if (typeof pprof === "string" || pprof.byteLength + OWN_BYTES > this.maxBytes) {
        const reason = typeof pprof === "string" ? pprof : "too-large";
        failed[reason] = (failed[reason] ?? 0) + 1;
        continue;
      }
      const { profile, ...whose } = labelled;
      const samples = profile.samples.count.reduce((sum, count) => sum + count, 0);
      this.keep({ id: this.idOf(startNs), startNs, endNs, labelled: whose, samples, pprof });
      exported++;
      bytes += pprof.byteLength;
    }
    return { exported, bytes, failed };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private keep(profile: KeptProfile): void {
    this.byId.set(profile.id, profile);
    this.bytes += profile.pprof.byteLength + OWN_BYTES;
    for (const [id, { pprof }] of this.byId) {
      if (this.bytes <= this.maxBytes) return;
      this.byId.delete(id);
      this.bytes -= pprof.byteLength + OWN_BYTES;
    }
  }

  private idOf(startNs: bigint): string {
    const iso = new Date(Number(startNs / 1_000_000n)).toISOString();
    return `${iso.replace(/\.\d+/, "").replace(/[-:]/g, "")}-${this.next++}`;
  }
}

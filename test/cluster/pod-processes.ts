import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Whose a process is, by its cgroup's path alone. */
export interface ProcessPlace {
  readonly podUid: string;
  readonly containerId: string;
}

const PLACE = /\/kubepods[^:\n]*\/pod([0-9a-f-]{36})\/([0-9a-f]{64})/;

/**
 * Watches /proc for the processes of pods: what the agent's profiles are held against. A process that lives shorter than
 * the time between two looks may be missed, and is then not judged.
 */
export class PodProcesses {
  readonly places = new Map<number, ProcessPlace>();
  private stopped = false;
  private watching: Promise<void> | undefined;

  start(everyMs = 150): void {
    this.watching = (async () => {
      while (!this.stopped) {
        this.look();
        await sleep(everyMs);
      }
    })();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.watching;
  }

  look(): void {
    for (const name of readdirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || this.places.has(pid)) continue;
      const found = placeOf(pid);
      if (found !== undefined) this.places.set(pid, found);
    }
  }

  pidsOf(podUid: string): ReadonlySet<number> {
    return new Set([...this.places].filter(([, place]) => place.podUid === podUid).map(([pid]) => pid));
  }
}

function placeOf(pid: number): ProcessPlace | undefined {
  try {
    const [, podUid, containerId] = PLACE.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
    return podUid === undefined || containerId === undefined ? undefined : { podUid, containerId };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

import { spawn } from "node:child_process";

/** A process that is busy until it is ended: on an idle machine there would be nothing to sample. */
export interface BusyProcess {
  readonly pid: number;
  end(): void;
}

export function startBusyProcess(): BusyProcess {
  const child = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const { pid } = child;
  if (pid === undefined) throw new Error("no process could be started to keep a CPU busy");
  return {
    pid,
    end: () => {
      child.kill("SIGKILL");
    },
  };
}

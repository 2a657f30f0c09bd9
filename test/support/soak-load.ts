import { spawn, type ChildProcess } from "node:child_process";

/** Something to sample on a machine that does nothing else: JavaScript, C++, system calls. */
export function startBusyChild(): ChildProcess {
  const script = `
    const { gzipSync } = require("zlib");
    const f = (n) => n < 2 ? n : f(n - 1) + f(n - 2);
    for (let s = 0; ; ) {
      s += f(20);
      gzipSync(Buffer.alloc(20000, s));
      JSON.stringify(require("fs").readdirSync("/usr/share/doc"));
    }`;
  return spawn(process.execPath, ["-e", script], { stdio: "ignore" });
}

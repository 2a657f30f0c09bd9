/** Runs something while this process's local time is that of a zone. Node.js looks at TZ anew when it is set. */
export function inZone<T>(zone: string, work: () => T): T {
  const before = process.env["TZ"];
  process.env["TZ"] = zone;
  try {
    return work();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

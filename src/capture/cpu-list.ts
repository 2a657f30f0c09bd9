/** CPU numbers of a kernel CPU list, "0-3,8\n" (Documentation/admin-guide/cputopology.rst); [] for an empty one. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const range of text.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match) {
      const last = Number(match[2] ?? match[1]);
      for (let cpu = Number(match[1]); cpu <= last; cpu++) {
        cpus.push(cpu);
      }
    }
  }
  return cpus;
}

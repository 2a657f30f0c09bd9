// A workload of the cluster tests: PERCENT of a CPU, in a function of a known name.
import { setTimeout as sleep } from "node:timers/promises";

const percent = Number(process.argv[2]);
process.on("SIGTERM", () => process.exit(0));

function clusterNode(milliseconds) {
  const end = performance.now() + milliseconds;
  let total = 0;
  while (performance.now() < end) for (let i = 0; i < 5000; i++) total = (total * 31 + i) % 1000003;
  return total;
}

for (;;) {
  clusterNode(percent);
  await sleep(100 - percent);
}

/**
 * Downloads and nothing else, to be killed: node downloading-program.js URL FOLDER MAX_BYTES FIRST. Wants one build ID after the other,
 * from the number FIRST on.
 */
import { setTimeout as delay } from "node:timers/promises";
import { buildIdOf } from "#src/debuginfod/build-id-of.js";
import { openDownloads } from "#src/debuginfod/open-downloads.js";
import { readServers } from "#src/debuginfod/servers.js";
import { systemClock } from "#src/util/clock.js";
import { numberedBuildId } from "./build-id-file.js";

const [url, directory, maxBytes, first] = process.argv.slice(2);
const bytes = Number(maxBytes);
const { downloads, folder } = openDownloads({
  servers: readServers([url]).servers,
  limits: { debuginfodBytes: bytes, debuginfodFileBytes: bytes },
  ...{ directory, totalMs: 60_000, clock: systemClock },
  buildIdOf: (fd) => Promise.resolve(buildIdOf(fd)),
  listener: {
    arrived: () => undefined,
    away: (_, detail) => {
      console.error(detail);
    },
    refused: (_, detail) => {
      console.error(detail);
    },
    notKept: (_, detail) => {
      console.error(detail);
    },
  },
});
await folder.open();
for (let number = Number(first); ; number++) {
  downloads.want(numberedBuildId(number));
  await delay(Math.random() * 8);
}

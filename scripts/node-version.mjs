/* Imported first by every script: ends with one sentence where Node.js is too old for the rest to even parse. */
const LEAST = [20, 18];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
  console.error(
    `hostflame needs Node.js ${LEAST.join(".")} or later, and this is ${process.versions.node}: ` +
      "install a newer one (https://nodejs.org, or your distribution's packages) and run this again.",
  );
  process.exit(1);
}

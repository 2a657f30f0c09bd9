/*
 * Collects what the container image holds into one folder, which becomes its root: Node.js and the shared libraries that
 * it and the addon ask for, the program bundled with its packages, certificates, and the licences of all. Nothing else
 * is there to be run: no shell, no package manager, no compiler.
 *
 *   node scripts/image-root.mjs FOLDER     after npm run build
 */
import "./node-version.mjs";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { bundle } from "./bundle.mjs";
import { root } from "./step.mjs";

const target = path.resolve(process.argv[2] ?? "build/image");
const PROGRAM = "/opt/hostflame";
const ADDON = "build/native/hostflame.node";

/** Debian packages whose code is in the image, by shared library or linked into the addon; /usr/share/doc has their terms. */
const DEBIAN_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6", "libatomic1", "libbpf-dev", "libelf-dev", "zlib1g-dev"];

mkdirSync(target, { recursive: true });
mergedUsr();
for (const file of [process.execPath, ...librariesOf(process.execPath), ...librariesOf(path.join(root, ADDON))]) {
  put(file);
}
await program();
settings();

/** Debian's own shape: /lib is a name of /usr/lib, so a library is found under either. */
function mergedUsr() {
  for (const name of readdirSync("/")) {
    if (!/^lib(\d+|x32)?$/.test(name)) continue;
    mkdirSync(path.join(target, "usr", name), { recursive: true });
    if (!existsSync(path.join(target, name))) {
      symlinkSync(readlinkOr(`/${name}`, `usr/${name}`), path.join(target, name));
    }
  }
}

function readlinkOr(file, otherwise) {
  try {
    return readlinkSync(file).replace(/^\//, "");
  } catch {
    return otherwise;
  }
}

/** Paths of the shared libraries, the program interpreter among them, that the loader would take. */
function librariesOf(file) {
  const lines = execFileSync("ldd", [file], { encoding: "utf8" });
  if (lines.includes("not found")) throw new Error(`${file} asks for a library that is not here:\n${lines}`);
  return [...lines.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((found) => found[1]);
}

/** A copy of a file under its own path: its folder's real one, for the folders above may be links; itself no link. */
function put(file, to = path.join(realpathSync(path.dirname(file)), path.basename(file))) {
  cpSync(realpathSync(file), path.join(target, to), { recursive: true });
}

async function program() {
  const into = path.join(target, PROGRAM);
  for (const name of ["LICENSE", "LICENSES", "package.json", ADDON, "build/native/hostflame.bpf.o"]) {
    cpSync(path.join(root, name), path.join(into, name), { recursive: true });
  }
  // One bundle for all of dist/ and of the packages that it runs on, with their authors' terms: less to read, less to keep
  // in memory.
  await bundle();
  cpSync(path.join(root, "dist/bundle"), path.join(into, "dist/bundle"), { recursive: true });
}

function settings() {
  put("/etc/ssl/certs/ca-certificates.crt");
  const etc = (name, text) => writeFileSync(path.join(target, "etc", name), text);
  etc("passwd", "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n");
  etc("group", "root:x:0:\nnogroup:x:65534:\n");
  etc("nsswitch.conf", "hosts: files dns\n");
  // Where the base image keeps the licence of Node.js and of all that it is made of.
  if (existsSync("/usr/local/LICENSE")) put("/usr/local/LICENSE");
  for (const name of DEBIAN_PACKAGES) {
    const terms = `/usr/share/doc/${name}/copyright`;
    if (existsSync(terms)) put(terms, terms);
  }
  // Mount points: a root that is read-only grows none.
  for (const folder of ["tmp", "proc", "sys", "run", "dev", "var/lib/hostflame"]) {
    mkdirSync(path.join(target, folder), { recursive: true });
  }
}

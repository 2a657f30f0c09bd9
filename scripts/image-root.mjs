/*
 * Collects what the container image holds into one folder, which becomes its root: Node.js and the shared libraries that
 * it and the addon ask for, the program, the packages it runs on, certificates, and the licences of all. Nothing else
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
import { build } from "esbuild";
import { root } from "./step.mjs";

const target = path.resolve(process.argv[2] ?? "build/image");
const PROGRAM = "/opt/hostflame";
const ADDON = "build/native/hostflame.node";

/** What the packages' authors ask to be kept with their files. */
const LEGAL = /^(licen[cs]e|copying|notice)/i;
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
  cpSync(path.join(root, "dist"), path.join(into, "dist"), {
    recursive: true,
    filter: (file) => !/\.(d\.ts|map|tsbuildinfo)$/.test(file),
  });
  await packages(into);
}

/**
 * Of node_modules the files that some import or require of the program leads to, by esbuild's account, and what npm and
 * the authors want beside them. A package is often used by a part: of @kubernetes/client-node, 23 MB of JavaScript, it is
 * 1 MB.
 */
async function packages(into) {
  const programs = readdirSync(path.join(root, "dist"), { recursive: true }).filter((name) => name.endsWith(".js"));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: programs.map((name) => path.join("dist", name)),
    outdir: "unused",
    write: false,
    bundle: true,
    metafile: true,
    platform: "node",
    format: "esm",
    external: ["*.node"],
    logLevel: "error",
  });
  const files = Object.keys(metafile.inputs).filter((file) => file.startsWith("node_modules/"));
  for (const folder of new Set(files.map(packageOf))) {
    files.push(`${folder}/package.json`);
    for (const name of readdirSync(path.join(root, folder))) if (LEGAL.test(name)) files.push(`${folder}/${name}`);
  }
  for (const file of new Set(files)) cpSync(path.join(root, file), path.join(into, file), { recursive: true });
}

/** "node_modules/@a/b/node_modules/c" of any file of the package c. */
function packageOf(file) {
  return /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)[1];
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

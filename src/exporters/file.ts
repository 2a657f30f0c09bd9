import { access, constants, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { LabelledProfile, ProfileBatch } from "../model/labelled-profile.js";
import { diskProblemOf } from "../util/disk-problem.js";
import { errnoOf } from "../util/errno.js";
import type { Exporter, ExportResult } from "./exporter.js";

export interface FileExporterOptions {
  readonly directory: string;
  /** All files of ours in it together; the oldest are removed beyond it. */
  readonly maxBytes: number;
  /** The bytes of one .pb.gz file. */
  readonly encode: (profile: LabelledProfile) => Promise<Uint8Array>;
}

/** What is ours: a window's end in UTC, a service, a container or "host", a number where names collide. */
const OWN_NAME = /^\d{8}T\d{6}Z-[\w.-]+\.pb\.gz$/;
/** What a writer that was killed left behind. */
const OWN_TEMPORARY_NAME = /^\.\d{8}T\d{6}Z-[\w.-]+\.pb\.gz\.tmp$/;
/** Of each of the two names in a file's name. */
const MAX_NAME = 80;

interface OwnFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * A folder of profiles. Each is written under a temporary name and renamed, so that whoever reads the folder sees whole
 * profiles only; the folder is made when it is opened, and made anew when it is gone.
 */
export function openFileExporter({ directory, maxBytes, encode }: FileExporterOptions): Exporter {
  /** Our files, oldest first; undefined until the folder was read, and when something went wrong with it. */
  let known: OwnFile[] | undefined;
  /** While it is being read for the first time; the first batch waits for it. */
  let opening: Promise<string | undefined> | undefined;

  async function makeReady(): Promise<string | undefined> {
    try {
      known = await readFolder(directory);
      // The folder may be there and not ours to write in.
      await access(directory, constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      known = undefined;
      return diskProblemOf(error);
    }
  }

  async function exportOne(profile: LabelledProfile, names: FileNames): Promise<number> {
    const bytes = await encode(profile);
    if (bytes.byteLength > maxBytes) throw new TooLarge();
    try {
      known ??= await readFolder(directory);
      await removeOldest(known, maxBytes - bytes.byteLength);
      const name = names.next(profile, known);
      await writeWhole(directory, name, bytes).catch(async (error: unknown) => {
        // The disk is smaller than we may fill, or others fill it: the newest profile is worth more than the oldest.
        if (errnoOf(error) !== "ENOSPC" || known === undefined || known.length === 0) throw error;
        await removeOldest(known, Math.max(0, sumOf(known) - bytes.byteLength));
        await writeWhole(directory, name, bytes);
      });
      known.push({ name, bytes: bytes.byteLength });
    } catch (error) {
      // The folder may be another one by now: what is known of it is not believed any more.
      known = undefined;
      throw error;
    }
    return bytes.byteLength;
  }

  /** Until no more than so many bytes are left. */
  async function removeOldest(files: OwnFile[], leaveBytes: number): Promise<void> {
    for (let total = sumOf(files); total > leaveBytes && files.length > 0;) {
      const [oldest] = files;
      await unlink(join(directory, oldest.name)).catch(ignoreGone);
      files.shift();
      total -= oldest.bytes;
    }
  }

  return {
    name: "file",
    place: directory,
    open: () => (opening ??= makeReady()),
    async export(batch, signal): Promise<ExportResult> {
      await opening;
      const failed: Record<string, number> = {};
      let exported = 0;
      let bytes = 0;
      const names = new FileNames(batch);
      for (const profile of batch.profiles) {
        try {
          signal.throwIfAborted();
          bytes += await exportOne(profile, names);
          exported++;
        } catch (error) {
          const reason = signal.aborted ? "aborted" : reasonOf(error);
          failed[reason] = (failed[reason] ?? 0) + 1;
        }
      }
      return { exported, bytes, failed };
    },
    close: () => Promise.resolve(),
  };
}

class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** Names of one batch's files: never a path, whatever a service calls itself, and never one that is there already. */
class FileNames {
  private readonly used = new Map<string, number>();
  private readonly time: string;

  constructor({ endNs }: ProfileBatch) {
    const iso = new Date(Number(endNs / 1_000_000n)).toISOString();
    this.time = iso.replace(/\.\d+/, "").replace(/[-:]/g, "");
  }

  next({ service, labels }: LabelledProfile, known: readonly OwnFile[]): string {
    const base = `${this.time}-${sanitize(service)}-${sanitize(labels.get("container") ?? "host")}`;
    for (let number = (this.used.get(base) ?? 0) + 1; ; number++) {
      const name = `${base}${number === 1 ? "" : `-${number}`}.pb.gz`;
      // Windows that end in one second have the same time; only the newest files can.
      if (!known.some((file) => file.name === name)) {
        this.used.set(base, number);
        return name;
      }
    }
  }
}

/** "my/../svc" → "my_.._svc": letters, digits, dot, dash and underscore; never empty, never only dots. */
export function sanitize(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, MAX_NAME);
  return /^[._-]*$/.test(safe) ? "unnamed" : safe;
}

function sumOf(files: readonly OwnFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function writeWhole(directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(directory, `.${name}.tmp`);
  try {
    const file = await open(temporary, "w", 0o640).catch(async (error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
      await mkdir(directory, { recursive: true });
      return open(temporary, "w", 0o640);
    });
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(temporary, join(directory, name));
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // it may never have been made
    throw error;
  }
}

/** Our files in order of age, which is that of their names; what a killed writer left is removed. */
async function readFolder(directory: string): Promise<OwnFile[]> {
  const files: OwnFile[] = [];
  const names = await readdir(directory).catch(async (error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    await mkdir(directory, { recursive: true });
    return [];
  });
  for (const name of names.sort()) {
    if (OWN_TEMPORARY_NAME.test(name)) {
      await unlink(join(directory, name)).catch(ignoreGone);
    } else if (OWN_NAME.test(name)) {
      const status = await lstat(join(directory, name)).catch(ignoreGone);
      if (status?.isFile() === true) files.push({ name, bytes: status.size });
    }
  }
  return files;
}

/** Somebody else may tidy up here too. */
function ignoreGone(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
  return undefined;
}

function reasonOf(error: unknown): string {
  if (error instanceof TooLarge) return "too-large";
  return errnoOf(error) === "" ? "encoding-failed" : diskProblemOf(error);
}

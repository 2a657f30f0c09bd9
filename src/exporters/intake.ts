import { readFileSync } from "node:fs";
import type { Destination } from "../delivery/destination.js";
import { errnoOf } from "../util/errno.js";
import type { IntakeKind } from "./kinds.js";
import { type IntakeAddress, isLocal, parseAddress, shownAddress } from "./options/address.js";
import {
  flag,
  type OptionTable,
  type OptionTexts,
  type OptionValues,
  path,
  readOptions,
  shortText,
  time,
  WrongOptions,
} from "./options/option.js";
import type { TransportOptions } from "./transport/http.js";

/** Which intake to send to, as somebody wrote it. */
export interface IntakeSpec {
  /** Where it listens; undefined where the options say it. */
  readonly url: string | undefined;
  readonly options: OptionTexts;
}

/** A kind of intake: what it can be told, and how to make a destination of that. */
export interface IntakeModule {
  readonly kind: IntakeKind;
  /** What people call it. */
  readonly title: string;
  /** Where it listens unless somebody changed it. */
  readonly port: number;
  readonly options: OptionTable;
  /** @throws {WrongOptions} a sentence for each wrong value. Connects to nobody. */
  readonly open: (spec: IntakeSpec) => Destination;
}

/** What every intake can be told. */
export const COMMON_OPTIONS = {
  name: shortText(
    "a name of letters, digits, dots and dashes",
    /^[A-Za-z0-9][\w.-]*$/,
    "what metrics and the spool call it",
  ),
  "ca-file": path("a file of certificates in PEM", "trust these certificate authorities instead of the system's"),
  insecure: flag("take any certificate, and send keys over plain HTTP"),
  timeout: time(30_000, 1000, 300_000, "how long one try may take"),
} as const;

/** All that an intake of any kind was told, read and checked. */
export interface IntakeSettings<Table extends OptionTable> {
  readonly name: string;
  readonly transport: TransportOptions;
  readonly address: IntakeAddress;
  /** Where it sends to, for people. */
  readonly shown: string;
  readonly values: OptionValues<Table>;
}

interface Intake<Table extends OptionTable> {
  readonly kind: string;
  readonly title: string;
  readonly table: Table & typeof COMMON_OPTIONS;
  /** Its own requests' path, which a URL may end with. */
  readonly ownPath: string;
  /** Where it listens when no URL was given; undefined: a URL is needed. */
  readonly addressFrom?: (values: OptionValues<Table>) => string | undefined;
}

/** Reads what an intake was told. Throws WrongOptions with a sentence for each wrong value. */
export function readSettings<Table extends OptionTable>(
  { kind, title, table, ownPath, addressFrom }: Intake<Table>,
  { url, options }: IntakeSpec,
): IntakeSettings<Table & typeof COMMON_OPTIONS> {
  const problems: string[] = [];
  const { values, problems: wrongOptions } = readOptions(kind, table, options);
  problems.push(...wrongOptions);
  const text = url ?? (values === undefined ? undefined : addressFrom?.(values));
  let address: IntakeAddress | undefined;
  try {
    if (text !== undefined) address = parseAddress(text, ownPath);
    else if (values !== undefined) {
      problems.push(`${kind} needs the URL at which ${title} listens; give one such as http://host:port.`);
    }
  } catch (error) {
    problems.push(`${kind}'s URL ${error instanceof Error ? error.message : String(error)}`);
  }
  if (values === undefined || address === undefined || problems.length > 0) throw new WrongOptions(problems);
  const { name = kind, insecure, timeout, "ca-file": caFile } = values as OptionValues<typeof COMMON_OPTIONS>;
  const ca = caFile === undefined ? undefined : readCertificates(kind, caFile);
  return {
    name,
    transport: { address, ca, insecure, timeoutMs: timeout },
    address,
    shown: shownAddress(address),
    values,
  };
}

/** A secret may be heard on the way over plain HTTP: only where somebody says that this is meant. */
export function refuseOpenSecret(
  kind: string,
  { address, transport, shown }: Pick<IntakeSettings<OptionTable>, "address" | "transport" | "shown">,
): void {
  const isOpen = address.kind === "tcp" && !address.secure && !isLocal(address);
  if (isOpen && !transport.insecure) {
    throw new Error(
      `${kind} would send a secret to ${shown} unencrypted; write https://, or set its option "insecure" to true.`,
    );
  }
}

function readCertificates(kind: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(
      `${kind}'s option "ca-file" names ${file}, which cannot be read (${errnoOf(error)}); correct the path.`,
    );
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`${kind}'s option "ca-file" names ${file}, which holds no certificate in PEM; give one that does.`);
  }
  return text;
}

import type { ProcessKey } from "../model/process-key.js";
import { runtimeLayout } from "../native/abi.generated.js";
import type { Session } from "../native/addon.js";
import { u32Bytes } from "../util/u32-bytes.js";

/**
 * The number of the interpreter's file that the kernel side has noted for a process that runs one of that kind; undefined where it
 * has noted none, or another process's of that pid.
 */
export function findRuntime(
  session: Pick<Session, "lookupElement">,
  { pid, startTimeNs }: ProcessKey,
  kind: number,
): number | undefined {
  const value = new Uint8Array(runtimeLayout.sizeOf);
  if (!session.lookupElement("runtimes", u32Bytes(pid), value)) return undefined;
  const view = new DataView(value.buffer);
  if (view.getBigUint64(runtimeLayout.startTimeNs, true) !== startTimeNs) return undefined;
  if (view.getUint32(runtimeLayout.kind, true) !== kind) return undefined;
  return view.getUint32(runtimeLayout.interpreter, true);
}

import { UNRESOLVED_REASONS, type SymbolizeRequest, type SymbolizeResult, type UnresolvedReason } from "./resolver.js";

/** The answer for an executable that cannot be read at all: every address is its file offset, without a name. */
export function unnamed(request: SymbolizeRequest, reason: UnresolvedReason): SymbolizeResult {
  const count = request.fileOffsets.length;
  return {
    executable: request.executable,
    buildId: "",
    textStart: 0,
    textLimit: 0,
    textFileOffset: 0,
    elfAddresses: request.fileOffsets.slice(),
    chainIndices: new Int32Array(count).fill(-1),
    reasons: new Uint8Array(count).fill(UNRESOLVED_REASONS.indexOf(reason)),
    chains: { offsets: Uint32Array.of(0), functions: new Uint32Array(0), lines: new Uint32Array(0) },
    functions: [],
    provisional: new Uint8Array(count),
    linesMs: 0,
    withoutLines: {},
    debugFiles: {},
    symbolStarts: new Float64Array(count),
    rangeStarts: request.fileOffsets.slice(),
    rangeLimits: request.fileOffsets.map((offset) => offset + 1),
    unresolved: count === 0 ? {} : { [reason]: count },
    found: {},
  };
}

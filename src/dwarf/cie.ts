import type { CfaProgram } from "./cfa-program.js";
import { type ProgramContext, type RowSink, unspecifiedState } from "./cfa-program.js";
import type { Cursor } from "./cursor.js";
import { DW_EH_PE_absptr, DW_EH_PE_omit, NO_BASES, readEncodedValue } from "./encoded-pointer.js";

/** A common information entry: what the FDEs that name it share. */
export interface Cie extends ProgramContext {
  /** 'z': FDEs have augmentation data of their own, to be skipped. */
  readonly hasAugmentationData: boolean;
  /** 'S': the frame is one that the kernel made to deliver a signal. */
  readonly isSignalFrame: boolean;
}

const AUGMENTATION_LIMIT = 16;

const NO_ROWS: RowSink = { row: () => {} };

/**
 * Parses what follows a CIE's id: version, augmentation, alignments, initial instructions. Undefined when it makes no
 * sense, or describes what a 64-bit executable cannot have (segment selectors, other address sizes).
 * Layout: DWARF 5, 6.4.1, versions 1, 3 and 4; augmentation: LSB Core 5.0, 10.6.1.1.1.
 */
export function parseCie(cursor: Cursor, program: CfaProgram): Cie | undefined {
  const version = cursor.u8();
  if (version !== 1 && version !== 3 && version !== 4) return undefined;
  const augmentation = readAugmentation(cursor);
  if (augmentation === undefined) return undefined;
  // Of gcc 2: a pointer to exception tables follows.
  if (augmentation.startsWith("eh")) cursor.skip(8);
  if (version === 4) {
    const addressSize = cursor.u8();
    const segmentSelectorSize = cursor.u8();
    if (addressSize !== 8 || segmentSelectorSize !== 0) return undefined;
  }
  const codeAlignment = cursor.uleb();
  const dataAlignment = cursor.sleb();
  const returnAddressRegister = version === 1 ? cursor.u8() : cursor.uleb();

  let pointerEncoding = DW_EH_PE_absptr;
  let isSignalFrame = false;
  const hasAugmentationData = augmentation.startsWith("z");
  if (hasAugmentationData) {
    const length = cursor.uleb();
    const end = cursor.at + length;
    if (end > cursor.end) return undefined;
    for (const letter of augmentation.slice(1)) {
      if (letter === "R") pointerEncoding = cursor.u8();
      else if (letter === "S") isSignalFrame = true;
      else if (letter === "L") cursor.skip(1);
      else if (letter === "P") skipPersonality(cursor);
      // 'B': return addresses are signed with the B key; 'G': the stack is tagged. Neither moves a register.
      else if (letter !== "B" && letter !== "G") break;
    }
    cursor.at = end;
  } else if (augmentation !== "" && augmentation !== "eh") {
    // Without 'z' nobody can tell where the instructions begin.
    return undefined;
  }
  if (cursor.failed) return undefined;
  const context = { codeAlignment, dataAlignment, returnAddressRegister, pointerEncoding, initial: unspecifiedState() };
  if (!program.run(cursor, context, 0, Infinity, 0, NO_BASES, NO_ROWS)) return undefined;
  return { ...context, initial: program.state.slice(), hasAugmentationData, isSignalFrame };
}

function readAugmentation(cursor: Cursor): string | undefined {
  let augmentation = "";
  for (let byte = cursor.u8(); byte !== 0; byte = cursor.u8()) {
    if (augmentation.length === AUGMENTATION_LIMIT) return undefined;
    augmentation += String.fromCharCode(byte);
  }
  return cursor.failed ? undefined : augmentation;
}

function skipPersonality(cursor: Cursor): void {
  const encoding = cursor.u8();
  // Aligned pointers depend on the address, which nobody needs here: the augmentation data's length skips them.
  if (encoding !== DW_EH_PE_omit) readEncodedValue(cursor, encoding, false);
}

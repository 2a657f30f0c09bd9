/** Longest readable name, in characters: what a tooltip can still show. Longer ones end in "…". */
export const MAX_OUTPUT = 4096;
/** Parts read of one name: a few kinds of them are tried in two ways. */
export const MAX_READS = 200_000;
/** Parts visited to print one name: back references can be walked for ever without a character printed. */
export const MAX_STEPS = 50_000;
/** Nesting while reading or printing. Types that people wrote stay below 60; each level costs some hundred bytes of stack. */
export const MAX_DEPTH = 400;

/** Thrown inside a demangler when the name is not of its grammar or passes a limit; its entry point catches it. */
export class DemangleFailure extends Error {}

/** One instance: a stack trace for each name of a stripped binary would cost more than the demangling. */
export const failure = new DemangleFailure("not a mangled name");

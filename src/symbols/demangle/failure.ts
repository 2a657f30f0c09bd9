/** Thrown inside a demangler when the name is not of its grammar or passes a limit; its entry point catches it. */
export class DemangleFailure extends Error {}

/** One instance: a stack trace for each name of a stripped binary would cost more than the demangling. */
export const failure = new DemangleFailure("not a mangled name");

/**
 * Integers that index different tables are different types, so that mixing two of them does not compile.
 * A branded value is made with a cast, at the one place that allots it.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Index of an executable, allotted when its file is first seen; never reused in one run. At most 20 bits. */
export type ExecutableId = Brand<number, "ExecutableId">;
/** Row of a stack table. */
export type StackId = Brand<number, "StackId">;
/** Row of a thread table: one (process key, tid, comm). */
export type ThreadId = Brand<number, "ThreadId">;

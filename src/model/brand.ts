/**
 * Integers that index different tables are different types, so that mixing two of them does not compile.
 * A branded value is made with a cast, at the one place that allots it.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/**
 * What frames know an executable by: 20 bits, allotted in a circle. Given to another only when no window can hold a
 * frame of the one before.
 */
export type ExecutableId = Brand<number, "ExecutableId">;
/** Number of an executable in the order of first sight; never given twice in one run: what caches go by. */
export type ExecutableSerial = Brand<number, "ExecutableSerial">;
/** Row of a stack table. */
export type StackId = Brand<number, "StackId">;
/** Row of a thread table: one (process key, tid, comm). */
export type ThreadId = Brand<number, "ThreadId">;

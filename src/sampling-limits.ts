/** Executables known at once; the kernel side's tables of them are sized by it. */
export const MAX_EXECUTABLES = 4096;
/** Stack copies that wait for rows. At 999 Hz under full load 16 MiB gave up 1.8 % of a minute while node was converted. */
export const PENDING_BYTES = 32 << 20;

/** Where the bytes of a debug file go; both reject with NotKept. */
export interface DebugFileSink {
  /** The size is known, and no more will come. */
  expect(bytes: number): Promise<void>;
  write(chunk: Uint8Array): Promise<void>;
}

/** Where debug files are downloaded from, and how much of them is kept. */
export interface DebuginfodOptions {
  /** The words of DEBUGINFOD_URLS: URLs, and policies of those after them. Nothing is downloaded when it is empty. */
  readonly debuginfodUrls: readonly string[];
  /** All downloaded files together. */
  readonly debuginfodBytes: number;
  /** One of them. */
  readonly debuginfodFileBytes: number;
}

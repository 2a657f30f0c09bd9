import { gunzipSync } from "node:zlib";
import { GRPC_STATUS, GrpcError } from "./status.js";

const HEADER_BYTES = 5;

/** A message as it travels: a flag (compressed or not), its length, itself. */
export function frameOf(message: Uint8Array, compressed = false): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + message.length);
  frame.writeUInt8(compressed ? 1 : 0, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEADER_BYTES);
  return frame;
}

/** Cuts a byte stream into messages. Holds one unfinished message, never more than the limit. */
export class MessageAssembler {
  private chunks: Buffer[] = [];
  private bytes = 0;
  /** Of the message that is being gathered; undefined while its header is. */
  private wanted: number | undefined;

  /** Of the message that is being gathered: whether it came compressed. */
  private packed = false;

  /** `takesGzip`: a server answers in the compression of the request; elsewhere a compressed answer is refused. */
  constructor(
    private readonly maxBytes: number,
    private readonly takesGzip = false,
  ) {}

  /** True between messages: a stream may end here. */
  get empty(): boolean {
    return this.bytes === 0 && this.wanted === undefined;
  }

  /** Calls `deliver` with each message that is whole now. Throws GrpcError where the stream is not one of messages. */
  push(chunk: Buffer, deliver: (message: Uint8Array) => void): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    for (;;) {
      if (this.wanted === undefined) {
        if (this.bytes < HEADER_BYTES) return;
        this.wanted = this.lengthOf(this.take(HEADER_BYTES));
      }
      if (this.bytes < this.wanted) return;
      const message = this.take(this.wanted);
      this.wanted = undefined;
      deliver(this.packed ? this.unpack(message) : message);
    }
  }

  private lengthOf(header: Buffer): number {
    this.packed = header[0] === 1 && this.takesGzip;
    if (header[0] !== 0 && !this.packed) {
      throw new GrpcError(GRPC_STATUS.internal, "the answer is compressed, which nobody asked for");
    }
    const length = header.readUInt32BE(1);
    if (length > this.maxBytes) {
      throw new GrpcError(
        GRPC_STATUS.resourceExhausted,
        `an answer of ${length} bytes is over the limit of ${this.maxBytes}`,
      );
    }
    return length;
  }

  private unpack(message: Uint8Array): Uint8Array {
    try {
      return gunzipSync(message, { maxOutputLength: this.maxBytes });
    } catch {
      throw new GrpcError(
        GRPC_STATUS.internal,
        `an answer is no gzip, or over the limit of ${this.maxBytes} bytes in it`,
      );
    }
  }

  private take(length: number): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks, this.bytes);
    this.bytes = all.length - length;
    this.chunks = this.bytes === 0 ? [] : [all.subarray(length)];
    return all.subarray(0, length);
  }
}

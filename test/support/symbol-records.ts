import type { KernelSymbolChange, KernelSymbolChanges } from "#src/native/symbol-record.js";

const HEADER_BYTES = 8;
const NAME = 24;

/** A record as perf_event_open(2) has it; the type of the symbol as the kernel numbers it. */
export function symbolRecord(change: Omit<KernelSymbolChange, "module">, type: number, kind = 17): Buffer {
  const nameBytes = Math.ceil((change.name.length + 1) / 8) * 8;
  const record = Buffer.alloc(NAME + nameBytes + 8);
  record.writeUInt32LE(kind, 0);
  record.writeUInt16LE(record.length, 6);
  record.writeBigUInt64LE(change.address, HEADER_BYTES);
  record.writeUInt32LE(change.length, 16);
  record.writeUInt16LE(type, 20);
  record.writeUInt16LE(change.made ? 0 : 1, 22);
  record.write(change.name, NAME, "latin1");
  record.writeBigUInt64LE(change.timeNs, record.length - 8);
  return record;
}

/** `+name@1000..1040` at second n of the nth, from second 0 to 100; or at another: `+name@1000..1040@30`. */
export function changesOf(...texts: readonly string[]): KernelSymbolChanges {
  const changes = texts.map((text, index) => {
    const [, sign, name, start, limit, time] = /^([+-])(\w*)@(\w+)\.\.(\w+?)(?:@([\d.]+))?$/.exec(text) ?? [];
    const [from, to] = [BigInt(`0xffffffffc0${start}`), BigInt(`0xffffffffc0${limit}`)];
    const module = name === "" ? "" : "bpf";
    const timeNs = BigInt(Math.round(Number(time ?? index) * 1e9));
    return { address: from, length: Number(to - from), name, module, made: sign === "+", timeNs };
  });
  return { changes, fromNs: 0n, toNs: 100_000_000_000n };
}

import { hotspotForm, hotspotLayoutLayout as fields, limits } from "../../native/abi.generated.js";
import type { VmStructs } from "./vm-structs.js";

type Field = Exclude<keyof typeof fields, "sizeOf">;
/** A field of struct abi_hotspot_layout that is an offset of a field, and where that is declared; the first that is there. */
type Place = readonly [field: Field, ...candidates: (readonly [type: string, field: string])[]];

const PLACES: readonly Place[] = [
  ["arrayLength", ["GrowableArrayBase", "_len"], ["GenericGrowableArray", "_len"]],
  // Of each element type the same: the pointer behind the lengths.
  ["arrayData", ["GrowableArray<int>", "_data"]],
  ["heapLog2Segment", ["CodeHeap", "_log2_segment_size"]],
  ["queueBuffer", ["StubQueue", "_stub_buffer"]],
  ["queueLimit", ["StubQueue", "_buffer_limit"]],
  ["blobSize", ["CodeBlob", "_size"]],
  ["blobHeaderSize", ["CodeBlob", "_header_size"]],
  ["blobCodeBegin", ["CodeBlob", "_code_begin"], ["CodeBlob", "_code_offset"]],
  ["blobFrameComplete", ["CodeBlob", "_frame_complete_offset"]],
  ["blobFrameSize", ["CodeBlob", "_frame_size"]],
  ["nmethodCompileId", ["nmethod", "_compile_id"]],
  ["nmethodEntry", ["nmethod", "_verified_entry_point"], ["nmethod", "_verified_entry_offset"]],
  ["nmethodOriginalPc", ["nmethod", "_orig_pc_offset"]],
  [
    "nmethodDeopt",
    ["CompiledMethod", "_deopt_handler_begin"],
    ["nmethod", "_deopt_handler_begin"],
    ["nmethod", "_deoptimize_offset"],
    ["nmethod", "_deopt_handler_offset"],
  ],
  ["methodConst", ["Method", "_constMethod"]],
  ["constConstants", ["ConstMethod", "_constants"]],
  ["constCodeSize", ["ConstMethod", "_code_size"]],
  ["constNameIndex", ["ConstMethod", "_name_index"]],
  ["poolHolder", ["ConstantPool", "_pool_holder"]],
  ["klassName", ["Klass", "_name"]],
];
/** From JDK 26 on there is one handler for both. */
const HANDLE_PLACES: Place = [
  "nmethodDeoptHandle",
  ["CompiledMethod", "_deopt_mh_handler_begin"],
  ["nmethod", "_deopt_mh_handler_begin"],
  ["nmethod", "_deoptimize_mh_offset"],
  ["nmethod", "_deopt_mh_handler_offset"],
];
const SIZES: readonly (readonly [field: Field, type: string])[] = [
  ["blockBytes", "HeapBlock"],
  ["blobBytes", "CodeBlob"],
  ["nmethodBytes", "nmethod"],
  ["constBytes", "ConstMethod"],
  ["poolBytes", "ConstantPool"],
];
/** What the program keeps of a CodeBlob ends here, and so must each field that it looks at. */
const IN_BLOB: readonly Field[] = [
  ...(["blobSize", "blobHeaderSize", "blobCodeBegin", "blobFrameComplete", "blobFrameSize"] as const),
  ...(["nmethodCompileId", "nmethodEntry", "nmethodOriginalPc", "nmethodDeopt", "nmethodDeoptHandle"] as const),
];
/** What it reads of a ConstMethod in one piece. */
const CONST_METHOD_BYTES = 64;
const IN_CONST_METHOD: readonly Field[] = ["constConstants", "constCodeSize", "constNameIndex"];
/** hotspot/cpu: frame_x86.hpp, frame_aarch64.hpp: interpreter_frame_bcp_offset. JDK 8 had no mirror below the method. */
const BCP_WORDS = 8;
const BCP_WORDS_8 = 7;
/** Offsets in a structure of HotSpot are small; one of gigabytes is a lie. */
const MAX_OFFSET = 4096;

/** struct abi_hotspot_layout; undefined where the tables lack what the walk needs, or say what cannot be. */
export function encodeHotspotLayout(vm: VmStructs): Uint8Array | undefined {
  const values = new Map<Field, number>();
  for (const [field, ...candidates] of [...PLACES, HANDLE_PLACES]) {
    const offset = first(vm, candidates);
    if (offset !== undefined) values.set(field, offset);
    else if (field === HANDLE_PLACES[0]) values.set(field, 0);
    else return undefined;
  }
  for (const [field, type] of SIZES) {
    const size = vm.size(type);
    if (size === undefined || size === 0) return undefined;
    values.set(field, size);
  }
  if (!placeHeap(vm, values)) return undefined;
  const hash = hashOffset(vm);
  if (hash === undefined) return undefined;
  values.set("symbolHash", hash);
  values.set("frameBcp", 8 * (isOneHeap(vm) ? BCP_WORDS_8 : BCP_WORDS));
  if (![...values.values()].every((value) => Number.isInteger(value) && value >= 0 && value < MAX_OFFSET)) {
    return undefined;
  }
  if (!IN_BLOB.every((field) => values.get(field)! + 8 <= limits.hotspotBlobBytes)) return undefined;
  if (!IN_CONST_METHOD.every((field) => values.get(field)! + 8 <= CONST_METHOD_BYTES)) return undefined;
  if (values.get("nmethodBytes")! > limits.hotspotBlobBytes) return undefined;
  return encode(vm, values);
}

function first(vm: VmStructs, candidates: readonly (readonly [string, string])[]): number | undefined {
  for (const [type, field] of candidates) {
    const offset = vm.offset(type, field);
    if (offset !== undefined) return offset;
  }
  return undefined;
}

/** JDK 8 had one code heap. */
function isOneHeap(vm: VmStructs): boolean {
  return vm.address("CodeCache", "_heaps") === undefined;
}

function placeHeap(vm: VmStructs, values: Map<Field, number>): boolean {
  const memory = vm.offset("CodeHeap", "_memory");
  const segments = vm.offset("CodeHeap", "_segmap");
  const low = vm.offset("VirtualSpace", "_low_boundary");
  const high = vm.offset("VirtualSpace", "_high_boundary");
  if (memory === undefined || segments === undefined || low === undefined || high === undefined) return false;
  values.set("heapLow", memory + low);
  values.set("heapHigh", memory + high);
  values.set("heapSegments", segments + low);
  return true;
}

/** Two bytes of a Symbol that were random when it was made (hotspot/share/oops/symbol.hpp). */
function hashOffset(vm: VmStructs): number | undefined {
  const own = vm.offset("Symbol", "_identity_hash");
  if (own !== undefined) return own;
  const packed = vm.offset("Symbol", "_hash_and_refcount");
  return packed === undefined ? undefined : packed + 2; // the upper half
}

function encode(vm: VmStructs, values: ReadonlyMap<Field, number>): Uint8Array | undefined {
  const heaps = vm.address("CodeCache", "_heaps") ?? vm.address("CodeCache", "_heap");
  const interpreter = vm.address("AbstractInterpreter", "_code");
  const callStubReturn = vm.address("StubRoutines", "_call_stub_return_address");
  if (heaps === undefined || interpreter === undefined || callStubReturn === undefined) return undefined;
  if (![heaps, interpreter, callStubReturn].every((address) => Number.isSafeInteger(address) && address > 0)) {
    return undefined;
  }
  const bytes = new Uint8Array(fields.sizeOf);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(fields.heaps, BigInt(heaps), true);
  view.setBigUint64(fields.interpreter, BigInt(interpreter), true);
  view.setBigUint64(fields.callStubReturn, BigInt(callStubReturn), true);
  view.setUint32(fields.form, formOf(vm), true);
  for (const [field, value] of values) view.setUint16(fields[field], value, true);
  return bytes;
}

function formOf(vm: VmStructs): number {
  let form = 0;
  if (isOneHeap(vm)) form |= hotspotForm.oneHeap;
  if (vm.offset("CodeBlob", "_code_begin") !== undefined) form |= hotspotForm.beginPointer;
  const headerSize = vm.offset("CodeBlob", "_header_size") ?? 0;
  if (vm.offset("CodeBlob", "_frame_complete_offset") === headerSize + 2) form |= hotspotForm.narrow;
  for (const type of ["CompiledMethod", "nmethod"]) {
    if (vm.offset(type, "_deopt_handler_begin") !== undefined) form |= hotspotForm.deoptPointer;
  }
  if (vm.offset("nmethod", "_verified_entry_point") !== undefined) form |= hotspotForm.entryPointer;
  return form;
}

import type { VmStructs } from "./vm-structs.js";

/** Where the metadata that a compiled method's debug information points into lies. */
type MetadataPlace =
  /** From the nmethod on: 8 to 22. */
  | { readonly kind: "header"; readonly offset: number }
  /** From the blob's data on: 23 and 24. */
  | { readonly kind: "data"; readonly offset: number; readonly dataOffset: number }
  /** In memory of its own, behind the relocations: 25 on. */
  | { readonly kind: "mutable"; readonly pointer: number; readonly size: number; readonly relocationSize: number };

/** Where the debug information lies. */
type ScopesPlace =
  /** Offsets from the nmethod on: 8. */
  | { readonly kind: "header"; readonly data: number }
  /** The scopes by address, the descriptors of instructions by offset: 9 to 22. */
  | { readonly kind: "pointer"; readonly pointer: number }
  /** Both in memory of their own: 23 on. */
  | { readonly kind: "immutable"; readonly pointer: number; readonly size: number; readonly data: number };

/**
 * Where a libjvm.so has what names are made of: offsets in bytes from the start of a structure, sizes in bytes. A value that can
 * be handed to another thread.
 */
export interface HotspotNameLayout {
  readonly method: { readonly constMethod: number };
  readonly constMethod: {
    readonly bytes: number;
    readonly constants: number;
    /** In words, of the whole object with what lies behind it. */
    readonly size: number;
    readonly flags: number;
    readonly hasLineNumbers: number;
    readonly codeSize: number;
    readonly nameIndex: number;
  };
  readonly pool: { readonly bytes: number; readonly length: number; readonly holder: number };
  readonly klass: { readonly name: number };
  /** The index of the source file's name, u2: in the constant pool, or up to 15 in the class. */
  readonly sourceFile: { readonly in: "pool" | "class"; readonly offset: number };
  readonly symbol: { readonly length: number; readonly hash: number; readonly body: number };
  readonly blob: {
    readonly name: number;
    readonly size: number;
    /** An address, or a distance from the blob. */
    readonly codeBegin: number;
    readonly codeBeginIsAddress: boolean;
    readonly frameComplete: number;
    readonly frameCompleteBytes: 2 | 4;
    /** Of what lies before a blob, and says whether it is in use. */
    readonly blockBytes: number;
    readonly blockUsed: number;
  };
  readonly nmethod: {
    readonly bytes: number;
    readonly method: number;
    readonly compileId: number;
    readonly scopesPcs: number;
    /** The end of the descriptors, where it is not that of the scopes' beginning; from the nmethod on. */
    readonly scopesPcsEnd: number;
    readonly scopes: ScopesPlace;
    readonly metadata: MetadataPlace;
  };
  /** What is subtracted from each byte of a compressed number, which is never that (utilities/unsigned5.hpp): 1 from 20 on. */
  readonly compressedBias: 0 | 1;
}

/** Offsets in HotSpot's structures are small; one of gigabytes is a lie. */
const MAX_OFFSET = 4096;
const BIASED_SINCE = 20;

class MissingField extends Error {}

/** Undefined where the file does not say all of it, or what cannot be. */
export function findNameLayout(vm: VmStructs): HotspotNameLayout | undefined {
  try {
    return nameLayout(vm);
  } catch (error) {
    if (error instanceof MissingField) return undefined;
    throw error;
  }
}

function nameLayout(vm: VmStructs): HotspotNameLayout {
  const at = (...candidates: readonly string[]): number => checked(fieldOf(vm, candidates), candidates[0]);
  const has = (candidate: string): boolean => fieldOf(vm, [candidate]) !== undefined;
  const size = (type: string): number => checked(vm.size(type) || undefined, type);
  const constant = (...names: readonly string[]): number =>
    checked(
      names.map((name) => vm.constant(name)).find((value) => value !== undefined),
      names[0],
    );
  const frameComplete = at("CodeBlob::_frame_complete_offset");
  const inPool = has("ConstantPool::_source_file_name_index");
  const codeBeginIsAddress = has("CodeBlob::_code_begin");
  const major = vm.int("Abstract_VM_Version", "_vm_major_version") ?? 0; // 8 sets it when it is loaded
  return {
    method: { constMethod: at("Method::_constMethod") },
    constMethod: {
      bytes: size("ConstMethod"),
      constants: at("ConstMethod::_constants"),
      size: at("ConstMethod::_constMethod_size"),
      flags: at("ConstMethod::_flags", "ConstMethod::_flags._flags"),
      hasLineNumbers: constant("ConstMethod::_has_linenumber_table", "ConstMethodFlags::_misc_has_linenumber_table"),
      codeSize: at("ConstMethod::_code_size"),
      nameIndex: at("ConstMethod::_name_index"),
    },
    pool: {
      ...{ bytes: size("ConstantPool"), length: at("ConstantPool::_length") },
      holder: at("ConstantPool::_pool_holder"),
    },
    klass: { name: at("Klass::_name") },
    sourceFile: inPool
      ? { in: "pool", offset: at("ConstantPool::_source_file_name_index") }
      : { in: "class", offset: at("InstanceKlass::_source_file_name_index") },
    symbol: {
      length: at("Symbol::_length"),
      // The upper half of the word that it shares with the reference count (oops/symbol.hpp).
      hash: has("Symbol::_identity_hash") ? at("Symbol::_identity_hash") : at("Symbol::_hash_and_refcount") + 2,
      body: at("Symbol::_body", "Symbol::_body[0]"),
    },
    blob: {
      ...{ name: at("CodeBlob::_name"), size: at("CodeBlob::_size") },
      ...{ codeBegin: at("CodeBlob::_code_begin", "CodeBlob::_code_offset"), codeBeginIsAddress },
      frameComplete,
      frameCompleteBytes: frameComplete === at("CodeBlob::_header_size") + 2 ? 2 : 4, // 16 bits each from 23 on
      ...{ blockBytes: size("HeapBlock"), blockUsed: at("HeapBlock::Header::_used") },
    },
    nmethod: {
      bytes: size("nmethod"),
      method: at("CompiledMethod::_method", "nmethod::_method"),
      compileId: at("nmethod::_compile_id"),
      scopesPcs: at("nmethod::_scopes_pcs_offset"),
      scopesPcsEnd: has("nmethod::_immutable_data") ? 0 : at("nmethod::_dependencies_offset"),
      ...{ scopes: scopesPlace(at, has), metadata: metadataPlace(at, has) },
    },
    compressedBias: major >= BIASED_SINCE ? 1 : 0,
  };
}

type At = (...candidates: readonly string[]) => number;
type Has = (candidate: string) => boolean;

function scopesPlace(at: At, has: Has): ScopesPlace {
  if (has("nmethod::_immutable_data")) {
    return {
      ...{ kind: "immutable", pointer: at("nmethod::_immutable_data") },
      ...{ size: at("nmethod::_immutable_data_size"), data: at("nmethod::_scopes_data_offset") },
    };
  }
  return has("CompiledMethod::_scopes_data_begin")
    ? { kind: "pointer", pointer: at("CompiledMethod::_scopes_data_begin") }
    : { kind: "header", data: at("nmethod::_scopes_data_offset") };
}

function metadataPlace(at: At, has: Has): MetadataPlace {
  if (has("CodeBlob::_mutable_data")) {
    return {
      ...{ kind: "mutable", pointer: at("CodeBlob::_mutable_data"), size: at("CodeBlob::_mutable_data_size") },
      relocationSize: at("CodeBlob::_relocation_size"),
    };
  }
  const offset = at("nmethod::_metadata_offset");
  return has("nmethod::_immutable_data")
    ? { kind: "data", offset, dataOffset: at("CodeBlob::_data_offset") }
    : { kind: "header", offset };
}

function fieldOf(vm: VmStructs, candidates: readonly string[]): number | undefined {
  for (const candidate of candidates) {
    const end = candidate.lastIndexOf("::");
    const offset = vm.offset(candidate.slice(0, end), candidate.slice(end + 2));
    if (offset !== undefined) return offset;
  }
  return undefined;
}

function checked(value: number | undefined, what: string): number {
  if (value === undefined || value < 0 || value >= MAX_OFFSET) throw new MissingField(what);
  return value;
}

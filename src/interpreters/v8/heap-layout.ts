import type { EntryFlags } from "./position-table.js";

/** Instance types of V8's Map: what an object is. A build may number them otherwise; then nothing is believed, and nothing named. */
export interface InstanceTypes {
  readonly sharedFunctionInfo: number;
  readonly scopeInfo: number;
  readonly script: number;
  readonly debugInfo: number;
  readonly bytecodeArray: number;
  readonly interpreterData: number;
  readonly code: number;
  /** A SharedFunctionInfo among objects that are out of the sandbox's reach; -1 where there is none. */
  readonly sharedFunctionInfoWrapper: number;
  /** What bytes lie in: byte arrays of either kind. */
  readonly byteArrays: readonly number[];
  /** What tagged words lie in: fixed arrays of each kind. */
  readonly fixedArrays: readonly number[];
  /** Of a function that is not compiled, or whose bytecode was thrown away: the first and last of four. */
  readonly uncompiledData: readonly [first: number, last: number];
}

/**
 * Where the objects that names are made of have what: offsets in bytes from an object's first, of builds with eight-byte tagged
 * words (Node.js does not compress pointers). Read off real binaries: v8dbg_* constants where they say it, else objects in memory
 * beside what %DebugPrint says of them (test/unit/interpreters/v8).
 */
export interface HeapLayout {
  readonly types: InstanceTypes;
  readonly sharedFunctionInfo: {
    readonly functionData: number;
    readonly nameOrScopeInfo: number;
    readonly script: number;
    readonly functionLiteralId: number;
  };
  readonly scopeInfo: {
    /** Its flags are a Smi, or a plain integer. */
    readonly smiFlags: boolean;
    /** Where start and end position always are; 0 where they follow the names. */
    readonly positions: number;
    /** Where what depends on the flags begins. */
    readonly variable: number;
    readonly moduleScope: number;
  };
  readonly bytecodeArray: { readonly sourcePositions: number; readonly bytecodes: number };
  readonly code: {
    /** Of optimized code; of baseline code its bytecodes. */
    readonly deoptimizationData: number;
    /** Source positions; of baseline code bytecode offsets. */
    readonly positionTable: number;
    readonly flags: number;
    readonly instructionSize: number;
    readonly kinds: { readonly baseline: number; readonly maglev: number; readonly turbofan: number };
  };
  /** Indices of DeoptimizationData. */
  readonly deoptimizationData: {
    readonly literals: number;
    readonly sharedFunctionInfo: number;
    readonly inliningPositions: number;
  };
  readonly positionFlags: EntryFlags;
  /** Sizes of bytecodes with operands of one, two and four times a byte; a digit of base 36 each. */
  readonly bytecodeSizes: readonly [string, string, string];
}

const NODE_18: HeapLayout = {
  types: {
    ...{ sharedFunctionInfo: 257, scopeInfo: 256, script: 170, debugInfo: 156, bytecodeArray: 195 },
    ...{ interpreterData: 162, code: 240, sharedFunctionInfoWrapper: -1 },
    ...{ byteArrays: [194], fixedArrays: [179, 237], uncompiledData: [217, 220] },
  },
  sharedFunctionInfo: { functionData: 8, nameOrScopeInfo: 16, script: 32, functionLiteralId: 52 },
  scopeInfo: { smiFlags: true, positions: 0, variable: 32, moduleScope: 3 },
  bytecodeArray: { sourcePositions: 32, bytecodes: 56 },
  code: {
    ...{ deoptimizationData: 16, positionTable: 24, flags: 48, instructionSize: 40 },
    kinds: { baseline: 11, maglev: 12, turbofan: 13 },
  },
  deoptimizationData: { literals: 2, sharedFunctionInfo: 6, inliningPositions: 7 },
  positionFlags: "sign",
  bytecodeSizes: [
    "111112345562121111124422232221112333422442443443334444452333333333333333333333333222211122255456534555644553333333322221441241434233331113222222222222222222222242335211112112454412211111111111111111",
    "11111357979313111113773335333111255573377377477555777778355555555555555555555555533331113339979b957997966995555555533331661361656355551115333333333333333333333373559311113113797713311111111111111111",
    "1111159dhbf515111115dd55595551112999d55dd5dd6dd999ddddde59999999999999999999999995555111555hhdhlh9dhhbfaahh9999999955551aa15a1a9a5999911195555555555555555555555d599h511115115dhdd15511111111111111111",
  ],
};

const NODE_20: HeapLayout = {
  ...NODE_18,
  types: {
    ...{ sharedFunctionInfo: 262, scopeInfo: 261, script: 167, debugInfo: 153, bytecodeArray: 191 },
    ...{ interpreterData: 159, code: 245, sharedFunctionInfoWrapper: -1 },
    ...{ byteArrays: [190], fixedArrays: [175, 240], uncompiledData: [220, 223] },
  },
  bytecodeArray: { sourcePositions: 32, bytecodes: 54 },
  code: { ...NODE_18.code, instructionSize: 56 },
  bytecodeSizes: [
    "111112345562121111124422232221112333422442443443334445453333333333333333333333332222111222455456534555644553333333322221541241434233331114222222222222222222222242335211112112454412211111111111111111",
    "11111357979313111113773335333111255573377377477555777878555555555555555555555555333311133379979b957997966995555555533331761361656355551117333333333333333333333373559311113113797713311111111111111111",
    "1111159dhbf515111115dd55595551112999d55dd5dd6dd999dddede9999999999999999999999995555111555dhhdhlh9dhhbfaahh9999999955551ba15a1a9a59999111d5555555555555555555555d599h511115115dhdd15511111111111111111",
  ],
};

const NODE_22: HeapLayout = {
  ...NODE_18,
  types: {
    ...{ sharedFunctionInfo: 274, scopeInfo: 272, script: 167, debugInfo: 154, bytecodeArray: 205 },
    ...{ interpreterData: 207, code: 206, sharedFunctionInfoWrapper: -1 },
    ...{ byteArrays: [186, 212], fixedArrays: [174, 247, 211, 213], uncompiledData: [200, 203] },
  },
  bytecodeArray: { sourcePositions: 24, bytecodes: 64 },
  code: {
    ...{ deoptimizationData: 8, positionTable: 16, flags: 48, instructionSize: 52 },
    kinds: { baseline: 10, maglev: 11, turbofan: 12 },
  },
  bytecodeSizes: [
    "11111234556212111112442223222111233342422442443443533444545333333333333333333333333222211122245545653455564455333333333122211541241434233331114222222222222222222222242335211112112454412211111111111111111",
    "11111357979313111113773335333111255573733773774775955777878555555555555555555555555333311133379979b95799796699555555555133311761361656355551117333333333333333333333373559311113113797713311111111111111111",
    "1111159dhbf515111115dd55595551112999d5d55dd5dd6dd9h99dddede9999999999999999999999995555111555dhhdhlh9dhhbfaahh999999999155511ba15a1a9a59999111d5555555555555555555555d599h511115115dhdd15511111111111111111",
  ],
};

const NODE_24: HeapLayout = {
  ...NODE_22,
  types: {
    ...{ sharedFunctionInfo: 282, scopeInfo: 280, script: 167, debugInfo: 154, bytecodeArray: 186 },
    ...{ interpreterData: 188, code: 187, sharedFunctionInfoWrapper: 195 },
    ...{ byteArrays: [217, 196], fixedArrays: [205, 256, 193, 194, 197, 199], uncompiledData: [175, 178] },
  },
  sharedFunctionInfo: { functionData: 8, nameOrScopeInfo: 24, script: 40, functionLiteralId: 60 },
  scopeInfo: { smiFlags: false, positions: 32, variable: 48, moduleScope: 5 },
  code: { ...NODE_22.code, flags: 52, instructionSize: 56 },
  deoptimizationData: { literals: 3, sharedFunctionInfo: 7, inliningPositions: 8 },
  bytecodeSizes: [
    "1111123455621211111244422223222111233342422444244434435334445453333333333333333333333332222112222455456534555644553333333331222115412414342333311142222222222422222222222244235211112112454412211111111111111111",
    "111113579793131111137773333533311125557373377737774775955777878555555555555555555555555333311333379979b957997966995555555551333117613616563555511173333333333733333333333377359311113113797713311111111111111111",
    "1111159dhbf515111115ddd555595551112999d5d55ddd5ddd6dd9h99dddede9999999999999999999999995555115555dhhdhlh9dhhbfaahh999999999155511ba15a1a9a59999111d5555555555d555555555555dd59h511115115dhdd15511111111111111111",
  ],
};

const NODE_26: HeapLayout = {
  ...NODE_24,
  types: {
    ...{ sharedFunctionInfo: 288, scopeInfo: 286, script: 166, debugInfo: 153, bytecodeArray: 185 },
    ...{ interpreterData: 187, code: 186, sharedFunctionInfoWrapper: 195 },
    ...{ byteArrays: [218, 196], fixedArrays: [205, 258, 193, 194, 197, 199], uncompiledData: [174, 177] },
  },
  code: { ...NODE_24.code, kinds: { baseline: 11, maglev: 12, turbofan: 13 } },
  positionFlags: "two-bits",
  bytecodeSizes: [
    "11111234556212111112444222232221112333424224442444344353344454533333333333334333333333333222211222245545653455564455344444433122211541241434233333111422222222224222222222222442352511112112454412211111111111111111",
    "11111357979313111113777333353331112555737337773777477595577787855555555555556555555555555333311333379979b95799796699555555555133311761361656355555111733333333337333333333333773593911113113797713211111111111111111",
    "1111159dhbf515111115ddd555595551112999d5d55ddd5ddd6dd9h99dddede9999999999999a9999999999995555115555dhhdhlh9dhhbfaahh977777799155511ba15a1a9a599999111d5555555555d555555555555dd59h5h11115115dhdd15211111111111111111",
  ],
};

const LAYOUTS: ReadonlyMap<string, HeapLayout> = new Map([
  ["10.2", NODE_18],
  ["11.3", NODE_20],
  ["12.4", NODE_22],
  ["13.6", NODE_24],
  ["14.6", NODE_26],
]);

/** Of V8 by its own version, "12.4.254.21-node.33"; undefined of one whose structures nobody looked at. */
export function heapLayout(v8Version: string): HeapLayout | undefined {
  const [major, minor] = v8Version.split(".");
  return LAYOUTS.get(`${major}.${minor}`);
}

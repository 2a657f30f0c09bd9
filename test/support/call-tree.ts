/**
 * What stacks a workload can have: a tree of function names from its outermost own function down. A stack is right when,
 * from that function to the leaf, it is a path of the tree; it may end at any node, because a tick may hit a function
 * between its own calls.
 *
 * A key is a name in full, or `/…/`, a regular expression over the whole name. A node `"anything"` accepts whatever is
 * called below it: libraries whose insides are not this workload's business.
 */
export interface CallTree {
  readonly [name: string]: CallTree | "anything";
}

/** The same function so many times below itself, then `below`; recursion of a known depth. */
export function nested(name: string, levels: number, below: CallTree): CallTree {
  let tree = below;
  for (let level = 0; level < levels; level++) tree = { [name]: tree };
  return tree;
}

/** Kernel frames end in this; they lie below (further to the leaf than) every user frame. */
const KERNEL_SUFFIX = "_[k]";

/**
 * Reading the clock, which each workload does between bursts, and entries of a PLT, which have no symbol, may lie at
 * the end of any stack.
 */
const MEASURING = /^(__)?clock_gettime|^\[vdso\]|^linux-vdso|^__vdso_|^__clock_gettime|^_?dl_vdso|@plt$|\[plt\]/;

export interface ChainVerdict {
  /** True when a function of the tree's first level was found and everything below it is in the tree. */
  readonly right: boolean;
  /** How many frames lie above the first frame of the tree; -1 when there is none. */
  readonly rootDepth: number;
  /** The user frames of the tree that were matched, outermost first. */
  readonly matched: readonly string[];
}

function child(tree: CallTree, name: string): CallTree | "anything" | undefined {
  const exact = tree[name];
  if (exact !== undefined) return exact;
  for (const [key, below] of Object.entries(tree)) {
    if (key.length > 2 && key.startsWith("/") && key.endsWith("/")) {
      if (new RegExp(`^(?:${key.slice(1, -1)})$`, "u").test(name)) return below;
    }
  }
  return undefined;
}

/** Matches a stack, outermost frame first, against the tree. `isOwnUnnamed` says which unnamed frames may be a leaf. */
export function matchChain(
  frames: readonly string[],
  tree: CallTree,
  isOwnUnnamed: (name: string) => boolean = () => false,
): ChainVerdict {
  const rootDepth = frames.findIndex((frame) => child(tree, frame) !== undefined);
  if (rootDepth < 0) return { right: false, rootDepth, matched: [] };
  const matched: string[] = [];
  let node: CallTree | "anything" = tree;
  for (let index = rootDepth; index < frames.length; index++) {
    const frame = frames[index];
    if (frame.endsWith(KERNEL_SUFFIX) || MEASURING.test(frame)) break;
    const below = child(node, frame);
    if (below === undefined) {
      const nextIsKernel = index + 1 === frames.length || frames[index + 1].endsWith(KERNEL_SUFFIX);
      return { right: nextIsKernel && isOwnUnnamed(frame), rootDepth, matched };
    }
    matched.push(frame);
    if (below === "anything") break;
    node = below;
  }
  return { right: true, rootDepth, matched };
}

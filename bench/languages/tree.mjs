/* The same tree of calls as tree.py, in JavaScript. */
class Node {
  constructor(depth) {
    this.children = depth > 0 ? [new Node(depth - 1), new Node(depth - 1)] : [];
    this.value = depth;
  }

  *walk() {
    yield this.value;
    for (const child of this.children) yield* child.walk();
  }
}

const weigh = ([, square]) => (square * 7919) % 104729;

function sortSome(count) {
  return Array.from({ length: count }, (_, i) => [i, i * i]).sort((a, b) => weigh(a) - weigh(b));
}

function descend(level, tree) {
  if (level > 0) return descend(level - 1, tree) + 1;
  let sum = sortSome(400).length;
  for (const value of tree.walk()) sum += value;
  return sum;
}

const tree = new Node(7);
const end = performance.now() + 1000 * Number(process.argv[2]);
let rounds = 0;
for (; performance.now() < end; rounds++) descend(30, tree);
console.log(rounds);

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/** The same tree of calls as tree.py, in Java. */
public final class Tree {
  private final List<Tree> children = new ArrayList<>();
  private final int value;

  private Tree(int depth) {
    value = depth;
    for (int i = 0; depth > 0 && i < 2; i++) children.add(new Tree(depth - 1));
  }

  private void walk(Consumer<Integer> visit) {
    visit.accept(value);
    for (Tree child : children) child.walk(visit);
  }

  private static long weigh(long square) {
    return square * 7919 % 104729;
  }

  private static int sortSome(int count) {
    List<Long> squares = new ArrayList<>();
    for (long i = 0; i < count; i++) squares.add(i * i);
    squares.sort(Comparator.comparingLong(Tree::weigh));
    return squares.size();
  }

  private static long descend(int level, Tree tree) {
    if (level > 0) return descend(level - 1, tree) + 1;
    long[] sum = {sortSome(400)};
    tree.walk(value -> sum[0] += value);
    return sum[0];
  }

  public static void main(String[] args) {
    Tree tree = new Tree(7);
    long end = System.nanoTime() + (long) (1e9 * Double.parseDouble(args[0]));
    long rounds = 0;
    long total = 0;
    for (; System.nanoTime() < end; rounds++) total += descend(30, tree);
    System.out.println(rounds + " " + total);
  }
}

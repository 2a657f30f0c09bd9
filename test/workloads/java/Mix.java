import java.util.function.LongUnaryOperator;

/** Java in each form that a frame of it can have. Prints its branches' CPU time, as split.h does; arguments: milliseconds, library. */
public final class Mix {
  private static final int ROUND = 20_000;
  private static volatile long sink;

  private Mix() {}

  /** CPU time of this thread, nanoseconds. */
  private static native long cpu();

  /** Burns in C, and then calls {@link #back} from there. */
  private static native long viaC(int rounds);

  public static void main(String[] args) throws Exception {
    System.load(args[1]);
    if (args.length > 2) {
      onVirtualThread(Long.parseLong(args[0]) * 1_000_000);
      return;
    }
    run(Long.parseLong(args[0]) * 1_000_000);
  }

  private static void run(long budget) {
    long[] spent = new long[6];
    long start = cpu();
    long before = start;
    for (long turn = 0; before - start < budget; turn++) {
      int round = round(turn);
      sink += direct(6 * round);
      before = add(spent, 0, before);
      sink += recursion(40, 5 * round);
      before = add(spent, 1, before);
      sink += lambda(4 * round);
      before = add(spent, 2, before);
      sink += exceptions(3 * round);
      before = add(spent, 3, before);
      sink += locked(2 * round);
      before = add(spent, 4, before);
      sink += nativeWork(2 * round);
      before = add(spent, 5, before);
    }
    String[] names = {"direct", "recursion", "lambda", "exceptions", "locked", "nativeWork"};
    StringBuilder text = new StringBuilder("{\"branches\":{");
    for (int i = 0; i < names.length; i++) {
      text.append(i == 0 ? "\"" : ",\"").append(names[i]).append("\":").append(spent[i]);
    }
    System.out.println(text.append("},\"cpuNs\":").append(before - start).append('}'));
  }

  /**
   * Half to one and a half times {@link #ROUND}, another one each turn. Turns that all last two fifths of the time between two ticks,
   * as compiled ones did, show the same branches to tick after tick.
   */
  private static int round(long turn) {
    return ROUND / 2 + (int) (turn * 7_919 % ROUND);
  }

  private static long add(long[] spent, int branch, long before) {
    long now = cpu();
    spent[branch] += now - before;
    return now;
  }

  /** What all branches burn in: long enough to be compiled on its own, and for the loops in it to be replaced while they run. */
  static long burn(int rounds) {
    long x = rounds;
    for (int i = 0; i < rounds; i++) {
      x = x * 6364136223846793005L + 1442695040888963407L;
      x ^= x >>> 29;
    }
    return x;
  }

  static long direct(int rounds) {
    return burn(rounds) + 1;
  }

  static long recursion(int depth, int rounds) {
    return depth == 0 ? burn(rounds) : recursion(depth - 1, rounds) + 1;
  }

  static long lambda(int rounds) {
    LongUnaryOperator operator = n -> burn((int) n) + 1;
    return operator.applyAsLong(rounds) + 1;
  }

  static long exceptions(int rounds) {
    try {
      return thrower(8, rounds);
    } catch (IllegalStateException e) {
      return burn(rounds / 2) + 1;
    }
  }

  static long thrower(int depth, int rounds) {
    if (depth == 0) {
      sink += burn(rounds / 2);
      throw new IllegalStateException("known");
    }
    return thrower(depth - 1, rounds) + 1;
  }

  static synchronized long locked(int rounds) {
    return burn(rounds) + 1;
  }

  static long nativeWork(int rounds) {
    return viaC(rounds) + 1;
  }

  /** Called from C. */
  static long back(int rounds) {
    return burn(rounds) + 1;
  }

  /** JDK 21 and later; by its name, because classes for JDK 8 know no such thread. */
  private static void onVirtualThread(long budget) throws Exception {
    Runnable body = () -> virtualBody(budget);
    Thread thread = (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, body);
    thread.join();
    System.out.println("{\"branches\":{\"virtualBody\":1},\"cpuNs\":1}");
  }

  static void virtualBody(long budget) {
    long end = System.nanoTime() + budget;
    while (System.nanoTime() < end) {
      sink += virtualDepth(30, 5 * ROUND);
      Thread.yield();
    }
  }

  /** Deep enough that some frames stay on the heap when the thread goes on. */
  static long virtualDepth(int depth, int rounds) {
    if (depth > 0) return virtualDepth(depth - 1, rounds) + 1;
    Thread.yield();
    return burn(rounds);
  }
}

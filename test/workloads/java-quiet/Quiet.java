/**
 * Compiled Java that nothing of the JVM itself runs beside: it allocates nothing, calls no native code and has been compiled long
 * before anybody looks. Says "warm" when it has; argument: milliseconds from then on.
 */
public final class Quiet {
  private static final int DEPTH = 12;
  private static final long WARM_UP_NS = 3_000_000_000L;
  private static volatile long sink;

  private Quiet() {}

  public static void main(String[] args) {
    runUntil(System.nanoTime() + WARM_UP_NS);
    System.out.println("warm");
    runUntil(System.nanoTime() + Long.parseLong(args[0]) * 1_000_000);
  }

  private static void runUntil(long end) {
    while (System.nanoTime() < end) {
      sink += descend(DEPTH, end);
    }
  }

  private static long descend(int depth, long seed) {
    return depth == 0 ? burn(seed) : descend(depth - 1, seed) * 31 + depth;
  }

  private static long burn(long seed) {
    long x = seed;
    for (int i = 0; i < 100_000; i++) {
      x = x * 6364136223846793005L + 1442695040888963407L;
      x ^= x >>> 29;
    }
    return x;
  }
}

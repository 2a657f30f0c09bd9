import java.util.function.LongUnaryOperator;

/** The digits of its names are replaced before it is loaded. */
public final class T00000000 implements LongUnaryOperator {
    @Override
    public long applyAsLong(long rounds) {
        return m00000000(rounds);
    }

    private static long m00000000(long rounds) {
        long sum = 0;
        for (long i = 0; i < rounds; i++) {
            sum += n00000000(sum + i);
        }
        return sum;
    }

    private static long n00000000(long x) {
        long y = x;
        for (int i = 0; i < 200; i++) {
            y = y * 31 + (y >>> 7);
        }
        return y;
    }
}

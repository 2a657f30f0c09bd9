import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongUnaryOperator;

/**
 * Threads that each load a class of names that nobody had before, run it for some milliseconds of CPU time under a thread name that
 * says which one it is, and forget it: what it was made of is used again for the next. Arguments: seconds, threads.
 */
public final class Truth {
    private static final AtomicInteger NEXT = new AtomicInteger();
    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();
    static volatile long sink;
    static volatile Object garbage;

    private static final class Loader extends ClassLoader {
        Class<?> define(byte[] bytes) {
            return defineClass(null, bytes, 0, bytes.length);
        }
    }

    public static void main(String[] arguments) throws Exception {
        long end = System.nanoTime() + Long.parseLong(arguments[0]) * 1_000_000_000L;
        byte[] template = new byte[8192];
        int length;
        try (InputStream file = Truth.class.getResourceAsStream("T00000000.class")) {
            length = file.read(template);
        }
        Thread[] threads = new Thread[Integer.parseInt(arguments[1])];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                while (System.nanoTime() < end) live(template, length);
            });
            threads[i].start();
        }
        while (System.nanoTime() < end) {
            for (int i = 0; i < 200; i++) garbage = new byte[10_000];
            System.gc();
            Thread.sleep(300);
        }
        for (Thread thread : threads) thread.join();
        System.out.println(NEXT.get());
    }

    private static void live(byte[] template, int length) {
        String id = String.format("%08d", NEXT.incrementAndGet());
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            boolean isId = i + 8 <= length;
            for (int j = 0; isId && j < 8; j++) isId = template[i + j] == '0';
            if (!isId) {
                bytes[i] = template[i];
                continue;
            }
            for (int j = 0; j < 8; j++) bytes[i + j] = (byte) id.charAt(j);
            i += 7;
        }
        try {
            Thread.currentThread().setName("t" + id);
            Class<?> type = new Loader().define(bytes);
            LongUnaryOperator code = (LongUnaryOperator) type.getDeclaredConstructor().newInstance();
            long until = CPU.getCurrentThreadCpuTime() + ThreadLocalRandom.current().nextLong(1_000_000, 12_000_000);
            while (CPU.getCurrentThreadCpuTime() < until) sink += code.applyAsLong(500);
            Thread.currentThread().setName("between");
        } catch (ReflectiveOperationException problem) {
            throw new IllegalStateException(problem);
        }
    }
}

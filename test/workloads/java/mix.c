// What Mix.java calls: C that burns, and that calls Java.
#include <jni.h>
#include <time.h>

JNIEXPORT jlong JNICALL Java_Mix_cpu(JNIEnv *env, jclass class)
{
	struct timespec now;

	(void)env;
	(void)class;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

__attribute__((noinline)) long burn_in_c(int rounds)
{
	unsigned long x = rounds;

	for (int i = 0; i < rounds; i++) {
		x = x * 6364136223846793005UL + 1442695040888963407UL;
		x ^= x >> 29;
	}
	return (long)x;
}

JNIEXPORT jlong JNICALL Java_Mix_viaC(JNIEnv *env, jclass class, jint rounds)
{
	jmethodID back = (*env)->GetStaticMethodID(env, class, "back", "(I)J");
	long sum = burn_in_c(rounds);

	return sum + (*env)->CallStaticLongMethod(env, class, back, rounds);
}

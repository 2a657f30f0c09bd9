#!/bin/sh
# Runs the tests of the addon with one built with AddressSanitizer and UndefinedBehaviorSanitizer. From the repository's
# root, after the tests were compiled. Arguments: names of compiled tests, default the five that use the addon.
set -eu

build=build/sanitize
cmake -S . -B "$build" -DHOSTFLAME_SANITIZE=ON -DHOSTFLAME_OUTPUT_DIR="$PWD/$build/native" >/dev/null
cmake --build "$build"

[ $# -gt 0 ] || set -- lifetime maps ring session termination
for name in "$@"; do
	set -- "$@" "build/test/native/$name.test.js"
	shift
done

# Preloaded, because node itself is not built with it. V8 never frees all it has, so leaks are not looked for.
LD_PRELOAD="$(${CXX:-c++} -print-file-name=libasan.so) $(${CXX:-c++} -print-file-name=libubsan.so)"
export LD_PRELOAD
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export HOSTFLAME_TEST_NATIVE="$PWD/$build/native"
exec node --test --test-concurrency=1 "$@"

// SPDX-License-Identifier: Apache-2.0
// Exceptions in the hot path: main → run → guard → nest<N> → … → thrower → __cxa_throw → the unwinder of libgcc, and
// main → run → calm → calm_leaf. Destructors run on the way, so that there are landing pads in each frame.
// Three tenths of the time throw: where _Unwind_Resume lays the target's registers over its own frame no stack can be
// told, and that is one to two hundredths of what throwing takes.
#include <stdexcept>
#include <string>
#include "../split.h"

namespace exceptions {

struct Witness {
	explicit Witness(uint64_t *count) : count_(count) {}
	~Witness() { ++*count_; }
	uint64_t *count_;
};

FRAME void thrower(int value)
{
	if (value >= 0)
		throw std::runtime_error("a message that does not fit in the small string of the standard library");
}

template <int Depth> FRAME void nest(uint64_t *count, int value)
{
	Witness witness(count);

	nest<Depth - 1>(count, value);
	KEEP_FRAME();
}

template <> FRAME void nest<0>(uint64_t *count, int value)
{
	Witness witness(count);

	thrower(value);
	KEEP_FRAME();
}

FRAME uint64_t guard(int value)
{
	uint64_t count = 0;

	for (int i = 0; i < 20; i++) {
		try {
			nest<5>(&count, value);
		} catch (const std::exception &error) {
			count += error.what()[0];
		}
	}
	return count;
}

FRAME uint64_t calm_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t calm(uint64_t rounds)
{
	uint64_t x = calm_leaf(rounds);

	KEEP_FRAME();
	return x;
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "throwing", 0 }, { "calm", 0 } };

	while (budget_left(budget)) {
		SPEND(&branches[0], 3000, guard(1));
		SPEND(&branches[1], 7000, calm(BURST));
	}
	print_truth(branches, 2);
}

} // namespace exceptions

int main(int argc, char **argv)
{
	exceptions::run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}

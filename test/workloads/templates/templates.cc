// SPDX-License-Identifier: Apache-2.0
// Names that need a demangler, and calls that the source does not spell: std::sort with a comparator, a virtual call,
// a std::function over a lambda, a template over a template.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
#include "../split.h"

namespace zoo {

struct Item {
	uint64_t key;
	std::string label;
};

struct ByKey {
	FRAME bool operator()(const Item &a, const Item &b) const { return burn(8) != 0 && a.key < b.key; }
};

FRAME void sort_items(std::vector<Item> &items)
{
	std::sort(items.begin(), items.end(), ByKey());
	KEEP_FRAME();
}

FRAME uint64_t sorting(uint64_t seed)
{
	static std::vector<Item> items(512);

	for (auto &item : items)
		item.key = seed = seed * 6364136223846793005u + 1442695040888963407u;
	sort_items(items);
	KEEP_FRAME();
	return items[0].key;
}

class Animal {
      public:
	virtual ~Animal() = default;
	virtual uint64_t speak(uint64_t rounds) const = 0;
};

class Cat final : public Animal {
      public:
	FRAME uint64_t speak(uint64_t rounds) const override { return burn(rounds); }
};

class Cow final : public Animal {
      public:
	FRAME uint64_t speak(uint64_t rounds) const override { return burn(rounds) + 1; }
};

FRAME uint64_t virtual_calls(const Animal &animal, uint64_t rounds)
{
	uint64_t x = animal.speak(rounds);

	KEEP_FRAME();
	return x;
}

FRAME uint64_t call_function(const std::function<uint64_t(uint64_t)> &function, uint64_t rounds)
{
	uint64_t x = function(rounds);

	KEEP_FRAME();
	return x;
}

FRAME uint64_t lambda_leaf(uint64_t rounds)
{
	return burn(rounds);
}

template <typename Key, template <typename...> class Container> struct Walker {
	FRAME static uint64_t walk(const Container<Key, Key> &container, uint64_t rounds)
	{
		uint64_t x = container.begin()->second + burn(rounds);

		KEEP_FRAME();
		return x;
	}
};

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "sorting", 0 }, { "virtual", 0 }, { "lambda", 0 }, { "template", 0 } };
	std::unique_ptr<Animal> cat(new Cat()), cow(new Cow());
	std::map<uint64_t, uint64_t> map{ { 1, 2 } };
	uint64_t captured = 1;
	std::function<uint64_t(uint64_t)> lambda = [&captured](uint64_t rounds) {
		uint64_t x = lambda_leaf(rounds + captured);

		KEEP_FRAME();
		return x;
	};

	while (budget_left(budget)) {
		SPEND(&branches[0], 4000, sorting(captured++));
		SPEND(&branches[1], 3000, virtual_calls(captured & 1 ? *cat : *cow, BURST));
		SPEND(&branches[2], 2000, call_function(lambda, BURST));
		SPEND(&branches[3], 1000, (Walker<uint64_t, std::map>::walk(map, BURST)));
		captured &= 0xff;
	}
	print_truth(branches, 4);
}

} // namespace zoo

int main(int argc, char **argv)
{
	zoo::run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A library that nobody knows of until it is loaded. */
#include "../split.h"

FRAME uint64_t plugin_leaf(uint64_t rounds)
{
	return burn(rounds);
}

FRAME uint64_t plugin_calls_back(uint64_t rounds, uint64_t (*callback)(uint64_t))
{
	uint64_t x = callback(rounds);

	KEEP_FRAME();
	return x;
}

FRAME uint64_t plugin_enter(uint64_t rounds, uint64_t (*callback)(uint64_t))
{
	uint64_t x = callback ? plugin_calls_back(rounds, callback) : plugin_leaf(rounds);

	KEEP_FRAME();
	return x;
}

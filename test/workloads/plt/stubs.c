/* SPDX-License-Identifier: Apache-2.0 */
#include "stubs.h"

#define DEFINE(n)                                                                                                      \
	unsigned long stub_##n(unsigned long x)                                                                        \
	{                                                                                                              \
		return x + 1##n;                                                                                       \
	}
STUBS(DEFINE)

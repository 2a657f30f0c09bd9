// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#define DEFINE_MAPS
#include "maps.h"

char LICENSE[] SEC("license") = "GPL";

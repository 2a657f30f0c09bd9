/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The architecture's registers: one file each. */
#ifndef HOSTFLAME_REGS_H
#define HOSTFLAME_REGS_H

#if defined(__TARGET_ARCH_arm64)
#include "regs_arm64.h"
#else
#include "regs_x86_64.h"
#endif

#endif

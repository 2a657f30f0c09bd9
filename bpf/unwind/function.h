/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A function that the verifier goes through once, whoever calls it how often. With all frames of a program inlined, each
 * language's program would cost it what one frame costs, twenty times over. Such a function is global, takes no pointers
 * (before 5.12), and looks up its memory by itself.
 *
 * Inlined on arm64, whose JIT before 6.0 does not allow tail calls in a program that calls functions.
 */
#ifndef HOSTFLAME_UNWIND_FUNCTION_H
#define HOSTFLAME_UNWIND_FUNCTION_H

#if defined(__TARGET_ARCH_x86)
#define FUNCTIONS_ARE_CALLED
#define WALK_FUNCTION __attribute__((noinline))
#else
#define WALK_FUNCTION static __always_inline
#endif

#endif

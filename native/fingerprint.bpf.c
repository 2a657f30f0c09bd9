// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Says which abi.h this object was compiled with: the addon compares it with its own before it loads anything. */
const char abi_fingerprint[] = ABI_FINGERPRINT;

/* SPDX-License-Identifier: Apache-2.0 */
/* What the code at an instruction tells of a frame without a frame pointer (bpf/unwind/step.h, step_by_code): x86-64's. */
#define __always_inline inline __attribute__((always_inline))
#include <stdio.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SP 0x1000ull
#define FP 0x1040ull
#define WORDS 16

/* Each word of the stack is its own address and a mark, so that whoever reads one says which. */
#define AT(address) ((address) | 0xa000000ull)

static int read_word(u64 address, u64 *destination)
{
	if (address < SP || address >= SP + 8 * WORDS)
		return -1;
	*destination = AT(address);
	return 0;
}

#define READ_WORD(address, destination) read_word(address, destination)
/* Nothing is looked up in rows here. */
#define TABLE_ELEMENT(table, index) ((void)(table), (void)(index), NULL)

struct row_search {
	u32 low, high;
};

#include "../../bpf/unwind/step.h"

static const struct {
	const char *what;
	u8 code[8];
	u32 return_address;
	u64 ip, sp, fp;
} cases[] = {
	{ "ret", { 0xc3 }, 0, AT(SP), SP + 8, FP },
	{ "ret n", { 0xc2, 0x10, 0 }, 0, AT(SP), SP + 8, FP },
	{ "pop rbp; ret", { 0x5d, 0xc3 }, 0, AT(SP + 8), SP + 16, AT(SP) },
	{ "pop rbp; ret, after a call", { 0x5d, 0xc3 }, 1, AT(SP + 8), SP + 16, AT(SP) },
	{ "add rsp, 8; ret", { 0x48, 0x83, 0xc4, 8, 0xc3 }, 1, AT(SP + 8), SP + 16, FP },
	{ "add rsp, 120; ret", { 0x48, 0x83, 0xc4, 0x78, 0xc3 }, 1, AT(SP + 120), SP + 128, FP },
	{ "push rbp; mov rbp, rsp", { 0x55, 0x48, 0x89, 0xe5 }, 0, AT(SP), SP + 8, FP },
	{ "push rbp; mov rbp, rsp as V8 writes it", { 0x55, 0x48, 0x8b, 0xec }, 0, AT(SP), SP + 8, FP },
	{ "endbr64; push rbp", { 0xf3, 0x0f, 0x1e, 0xfa, 0x55 }, 0, AT(SP), SP + 8, FP },
	{ "mov rbp, rsp", { 0x48, 0x89, 0xe5 }, 0, AT(SP + 8), SP + 16, AT(SP) },
	/* By the frame pointer: */
	{ "mov rbp, rsp after a call is no beginning", { 0x48, 0x89, 0xe5 }, 1, AT(FP + 8), FP + 16, AT(FP) },
	{ "push rbp after a call", { 0x55, 0x48, 0x89, 0xe5 }, 1, AT(FP + 8), FP + 16, AT(FP) },
	{ "leave; ret", { 0xc9, 0xc3 }, 0, AT(FP + 8), FP + 16, AT(FP) },
	{ "sub rsp by what is no word; ret", { 0x48, 0x83, 0xc4, 0xfc, 0xc3 }, 0, AT(FP + 8), FP + 16, AT(FP) },
	{ "anything", { 0x90, 0x90 }, 0, AT(FP + 8), FP + 16, AT(FP) },
};

int main(void)
{
	struct abi_registers r;
	int failed = 0;
	u64 code;

	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&r, 0, sizeof(r));
		r.ip = 0x500000;
		r.sp = SP;
		r.fp = FP;
		r.return_address = cases[i].return_address;
		memcpy(&code, cases[i].code, sizeof(code));
		if (step_by_code(&r, code) != STEP_ON || r.ip != cases[i].ip || r.sp != cases[i].sp ||
		    r.fp != cases[i].fp) {
			printf("%s: ip=%llx sp=%llx fp=%llx\n", cases[i].what, r.ip, r.sp, r.fp);
			failed = 1;
		}
	}
	/* A stack that cannot be read there: the frame pointer has the say. */
	memset(&r, 0, sizeof(r));
	r.sp = 0x10;
	r.fp = FP;
	if (step_by_code(&r, 0xc3) != STEP_ON || r.ip != AT(FP + 8)) {
		printf("ret with an unreadable stack: ip=%llx\n", r.ip);
		failed = 1;
	}
	return failed;
}

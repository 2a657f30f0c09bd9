/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * File offset → unwind rule, in the table of one executable (layout: abi.h, "Unwind tables"). Pure; twin:
 * src/unwind/lookup.ts.
 *
 * Before including, define TABLE_ELEMENT(table, index): a pointer to that u64 element, or NULL; and declare
 * struct row_search { low, high }, both 32 bits.
 */
#ifndef HOSTFLAME_UNWIND_ROWS_H
#define HOSTFLAME_UNWIND_ROWS_H

#include "../abi.h"

/* A page has at most 65536 rows, two an element: 15 halvings, and one to see that it is over. */
#define ROW_SEARCH_ROUNDS 17

/* The bounds of the search are kept in memory: scratch.h says why. */
#define ROW_SEARCH_FIELD(field) (*(volatile __abi_u32 *)&(field))

/*
 * What a search finds: the row's rule, and how far into the row the address lies, at most ABI_RUN_BYTES, beyond which
 * nothing changes.
 */
#define ROW_MATCH(rule, distance) ((rule) | ((distance) < ABI_RUN_BYTES ? (distance) : ABI_RUN_BYTES) << 16)
#define ROW_RULE(match) ((match)&0xffff)
#define ROW_DISTANCE(match) ((match) >> 16)

/* A table that contradicts itself; no match is this. */
#define ROWS_CORRUPT 0xffffffffu

static __always_inline __abi_u32 rows_find_rule(void *table, struct row_search *search, __abi_u32 base_page,
						__abi_u32 pages, __abi_u64 file_offset)
{
	__abi_u64 page_index = (file_offset >> ABI_PAGE_SHIFT) - base_page;
	__abi_u16 low = file_offset & ((1 << ABI_PAGE_SHIFT) - 1);
	const struct abi_row_pair *pair;
	const struct abi_page *page;

	if (page_index >= pages)
		return ABI_RULE_NONE;
	page = TABLE_ELEMENT(table, (__abi_u32)page_index);
	if (!page)
		return ROWS_CORRUPT;
	if (!page->elements)
		return ABI_RULE_NONE;

	/* The last element whose first row is not above `low`; the page's first row is at 0. */
	ROW_SEARCH_FIELD(search->low) = page->first;
	ROW_SEARCH_FIELD(search->high) = page->first + page->elements - 1;
	for (int round = 0; round < ROW_SEARCH_ROUNDS; round++) {
		__abi_u32 first = ROW_SEARCH_FIELD(search->low), last = ROW_SEARCH_FIELD(search->high);
		__abi_u32 middle = first + (last - first + 1) / 2;

		if (first >= last)
			break;
		pair = TABLE_ELEMENT(table, middle);
		if (!pair)
			return ROWS_CORRUPT;
		if (pair->row[0].low <= low)
			ROW_SEARCH_FIELD(search->low) = middle;
		else
			ROW_SEARCH_FIELD(search->high) = middle - 1;
	}
	pair = TABLE_ELEMENT(table, ROW_SEARCH_FIELD(search->low));
	if (!pair)
		return ROWS_CORRUPT;
	if (pair->row[1].low <= low)
		return ROW_MATCH((__abi_u32)pair->row[1].rule, (__abi_u32)(low - pair->row[1].low));
	return ROW_MATCH((__abi_u32)pair->row[0].rule, (__abi_u32)(low - pair->row[0].low));
}

#endif
